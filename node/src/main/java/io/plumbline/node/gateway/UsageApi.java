package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.tenant.Admission;
import io.plumbline.node.tenant.Tenant;
import io.plumbline.node.tenant.TenantUsage;
import io.plumbline.node.tenant.Usage;
import java.io.IOException;

/** {@code /v1/usage}: what the tenant that asks has used, and how it has more. */
public final class UsageApi {
    private UsageApi() {}

    static void answer(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            Admission.Told told = Admission.of(http).told();
            if (told == null) {
                throw new ApiException(404, "This server has no tenants: it counts for nobody.");
            }
            ObjectNode json = described(told.usage());
            if (told.left() != Tenant.NO_BUDGET) {
                json.putObject("budget")
                        .put("left", told.left())
                        .put("spent", told.usage().charged())
                        .put("paid_in", told.usage().paid());
            }
            if (told.payee() != null) {
                json.putObject("pay_in").put("to", told.payee()).put("reference", told.reference());
            }
            Http.send(http, 200, json);
        });
    }

    /** As JSON: in all, and by day. */
    public static ObjectNode described(TenantUsage usage) {
        ObjectNode json = Http.MAPPER.createObjectNode().put("object", "usage").put("tenant", usage.tenant());
        json.set("total", described(usage.total()));
        ArrayNode days = json.putArray("days");
        usage.days().forEach((day, used) -> {
            ObjectNode one = Http.MAPPER.createObjectNode().put("day", day);
            one.setAll(described(used));
            days.add(one);
        });
        return json;
    }

    private static ObjectNode described(Usage used) {
        return Http.MAPPER
                .createObjectNode()
                .put("answers", used.answers())
                .put("prompt_tokens", used.promptTokens())
                .put("completion_tokens", used.completionTokens())
                .put("total_tokens", used.tokens())
                .put("cost", used.cost());
    }
}
