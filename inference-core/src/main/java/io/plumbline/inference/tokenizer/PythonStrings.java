package io.plumbline.inference.tokenizer;

import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/** The methods of Python's str that chat templates call. */
final class PythonStrings extends ELResolver {
    @Override
    public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] parameters) {
        if (!(base instanceof String text)) {
            return null;
        }
        List<String> given = Arrays.stream(parameters == null ? new Object[0] : parameters)
                .map(String::valueOf)
                .toList();
        Object result = call(text, String.valueOf(method), given);
        if (result != null) {
            context.setPropertyResolved(true);
        }
        return result;
    }

    private static Object call(String text, String method, List<String> given) {
        String first = given.isEmpty() ? null : given.getFirst();
        return switch (method) {
            case "strip" -> trim(text, first, true, true);
            case "lstrip" -> trim(text, first, true, false);
            case "rstrip" -> trim(text, first, false, true);
            case "startswith" -> text.startsWith(first);
            case "endswith" -> text.endsWith(first);
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "title", "capitalize" ->
                text.isEmpty() ? text : text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
            case "replace" -> text.replace(first, given.get(1));
            case "split" -> split(text, first);
            case "find" -> text.indexOf(first);
            default -> null;
        };
    }

    private static String trim(String text, String characters, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && isOf(text.charAt(from), characters)) {
            from++;
        }
        while (right && to > from && isOf(text.charAt(to - 1), characters)) {
            to--;
        }
        return text.substring(from, to);
    }

    private static boolean isOf(char c, String characters) {
        return characters == null ? Character.isWhitespace(c) : characters.indexOf(c) >= 0;
    }

    private static List<String> split(String text, String separator) {
        if (separator == null) {
            return new ArrayList<>(List.of(text.strip().split("\\s+")));
        }
        List<String> parts = new ArrayList<>();
        int from = 0;
        for (int at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
            parts.add(text.substring(from, at));
            from = at + separator.length();
        }
        parts.add(text.substring(from));
        return parts;
    }

    @Override
    public Object getValue(ELContext context, Object base, Object property) {
        return null;
    }

    @Override
    public Class<?> getType(ELContext context, Object base, Object property) {
        return null;
    }

    @Override
    public void setValue(ELContext context, Object base, Object property, Object value) {
        throw new UnsupportedOperationException("A template changes nothing.");
    }

    @Override
    public boolean isReadOnly(ELContext context, Object base, Object property) {
        return true;
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
        return null;
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, Object base) {
        return null;
    }
}
