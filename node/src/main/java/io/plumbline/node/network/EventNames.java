package io.plumbline.node.network;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.DatabindContext;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.jsontype.impl.TypeIdResolverBase;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Names of events: {@link Event.LeftOut} is {@code left-out}. */
final class EventNames extends TypeIdResolverBase {
    private static final Map<String, Class<?>> TYPES = Arrays.stream(Event.class.getPermittedSubclasses())
            .collect(Collectors.toUnmodifiableMap(EventNames::name, Function.identity()));

    static String name(Class<?> type) {
        return type.getSimpleName().replaceAll("(?<=[a-z])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
    }

    @Override
    public String idFromValue(Object value) {
        return name(value.getClass());
    }

    @Override
    public String idFromValueAndType(Object value, Class<?> suggested) {
        return name(suggested);
    }

    @Override
    public JavaType typeFromId(DatabindContext context, String id) {
        Class<?> type = TYPES.get(id);
        return type == null ? null : context.constructType(type);
    }

    @Override
    public JsonTypeInfo.Id getMechanism() {
        return JsonTypeInfo.Id.CUSTOM;
    }
}
