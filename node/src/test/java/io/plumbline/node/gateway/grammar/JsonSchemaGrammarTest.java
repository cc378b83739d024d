package io.plumbline.node.gateway.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.verifier.grammar.Grammar;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonSchemaGrammarTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static Grammar grammar(String schema) throws IOException {
        return Grammar.parse(JsonSchemaGrammar.of(JSON.readTree(schema.replace('\'', '"'))));
    }

    private static boolean matches(Grammar grammar, String json) {
        return grammar.matches(json.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }

    private static void check(String schema, List<String> good, List<String> bad) throws IOException {
        Grammar grammar = grammar(schema);
        good.forEach(json -> assertTrue(matches(grammar, json), () -> schema + " should match " + json));
        bad.forEach(json -> assertFalse(matches(grammar, json), () -> schema + " should not match " + json));
    }

    @Test
    void anyObjectIsAnyJsonObjectAndNothingElse() throws IOException {
        Grammar any = Grammar.parse(JsonSchemaGrammar.anyObject());
        Random random = new Random(11);
        for (int i = 0; i < 400; i++) {
            String json = "{\"k\":" + json(random, 4) + "}";
            assertTrue(any.matches(json.getBytes(StandardCharsets.UTF_8)), json);
            String pretty = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(JSON.readTree(json));
            assertTrue(any.matches(pretty.replace(" : ", ": ").getBytes(StandardCharsets.UTF_8)), pretty);
            // One character away from JSON, or JSON as well by Jackson's reading.
            char[] changed = json.toCharArray();
            changed[random.nextInt(changed.length)] = "{}[]\",:x\\\n0-".charAt(random.nextInt(12));
            if (any.matches(new String(changed).getBytes(StandardCharsets.UTF_8))) {
                assertTrue(JSON.readTree(new String(changed)).isObject(), () -> new String(changed));
            }
        }
        for (String bad : List.of("", "[]", "{} ", "{'a':01}", "{'a':'\n'}", "{'a':'\\ud83d'}", "{'a':1,}", "{a:1}")) {
            assertFalse(matches(any, bad), bad);
        }
        assertTrue(matches(any, "{'a':'\\ud83d\\ude00 \\u00e9 \uD83D\uDE00'}"));
    }

    private static String json(Random random, int depth) throws IOException {
        return switch (random.nextInt(depth > 0 ? 7 : 5)) {
            case 0 -> Integer.toString(random.nextInt(2_000) - 1_000);
            case 1 -> JSON.writeValueAsString(random.nextGaussian());
            case 2 -> random.nextBoolean() ? "true" : "null";
            case 3, 4 -> {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(6); n > 0; n--) {
                    text.appendCodePoint("a\"\\\n\té\uD83D\uDE00/".codePoints().toArray()[random.nextInt(8)]);
                }
                yield JSON.writeValueAsString(text.toString());
            }
            default -> {
                boolean isList = random.nextBoolean();
                List<String> parts = new ArrayList<>();
                for (int n = random.nextInt(4); n > 0; n--) {
                    parts.add((isList ? "" : "\"k" + n + "\": ") + json(random, depth - 1));
                }
                yield (isList ? "[" : "{") + String.join(", ", parts) + (isList ? "]" : "}");
            }
        };
    }

    @Test
    void anObjectHasItsPropertiesInOrderAndMayLeaveOutWhatIsNotRequired() throws IOException {
        check(
                """
                {'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'},'c':{'type':'boolean'}},
                 'required':['b']}""",
                List.of("{'b':''}", "{'a':-1,'b':'x'}", "{'b':'x','c':true}", "{ 'a': 0, 'b': 'x', 'c': false }"),
                List.of("{}", "{'a':1}", "{'b':'','a':1}", "{'b':'',}", "{'b':'','d':1}", "{'b':1}", "{,'b':''}"));
        check(
                "{'properties':{'a':{'const':1},'b':{'const':2},'c':{'const':3}}}",
                List.of(
                        "{}",
                        "{'a':1}",
                        "{'b':2}",
                        "{'c':3}",
                        "{'a':1,'b':2}",
                        "{'a':1,'c':3}",
                        "{'b':2,'c':3}",
                        "{'a':1,'b':2,'c':3}"),
                List.of("{'b':2,'a':1}", "{'a':1,'a':1}", "{'a':1 'b':2}"));
        check(
                "{'properties':{'ab':{'const':1},'ac':{'const':2}},'required':['ab'],"
                        + "'additionalProperties':{'type':'null'}}",
                List.of("{'ab':1}", "{'ab':1,'a':null}", "{'ab':1,'ac':2,'abc':null,'':null}"),
                List.of("{'ab':1,'ac':null}", "{'ab':1,'x':2}", "{'x':null}"));
        check(
                "{'type':'object','additionalProperties':{'type':'integer'},'minProperties':1,'maxProperties':2}",
                List.of("{'x':1}", "{'x':1,'y':2}"),
                List.of("{}", "{'x':''}", "{'x':1,'y':2,'z':3}"));
        check("{'type':'object','properties':{},'additionalProperties':false}", List.of("{}"), List.of("{'a':1}"));
    }

    @Test
    void listsTextsAndChoicesAreHeldToTheirBounds() throws IOException {
        check(
                "{'type':'array','items':{'enum':['x',1,null,{'k':[2]}]},'minItems':1,'maxItems':3}",
                List.of("['x']", "[1, null]", "[{'k':[2]},1,1]"),
                List.of("[]", "['y']", "[1,1,1,1]", "[1,]"));
        check(
                "{'prefixItems':[{'type':'string'},{'type':'integer'}],'items':false}",
                List.of("['a',1]"),
                List.of("['a']", "[1,'a']", "['a',1,2]"));
        check(
                "{'type':'string','minLength':2,'maxLength':3}",
                List.of("'ab'", "'\\n\uD83D\uDE00'", "'abc'"),
                List.of("'a'", "'abcd'"));
        check("{'anyOf':[{'type':'string'},{'type':'null'}]}", List.of("'a'", "null"), List.of("1"));
        check("{'type':['integer','null']}", List.of("7", "null"), List.of("'7'"));
        check(
                "{'allOf':[{'properties':{'a':{'type':'integer'}},'required':['a']},"
                        + "{'properties':{'b':{'type':'null'}}}]}",
                List.of("{'a':1}", "{'a':1,'b':null}"),
                List.of("{}", "{'b':null}"));
        check(
                "{'$ref':'#/$defs/tree','$defs':{'tree':{'type':'object','properties':{'v':{'type':'integer'},"
                        + "'sub':{'type':'array','items':{'$ref':'#/$defs/tree'}}},'required':['v','sub']}}}",
                List.of("{'v':1,'sub':[]}", "{'v':1,'sub':[{'v':2,'sub':[{'v':3,'sub':[]}]}]}"),
                List.of("{'v':1}", "{'v':1,'sub':[1]}"));
    }

    /** Characters that JSON must escape are matched as what they stand for. */
    @Test
    void aPatternSpeaksOfTheTextAndNotOfItsJson() throws IOException {
        Random random = new Random(9);
        for (String regex :
                List.of("^[A-C\"\\\\]{1,3}$", "[^a\\n]*", "x\\ny", "\\s\\S", "(\"|\\\\)+", ".[\\x00-\\x7e]")) {
            JsonNode schema = JSON.createObjectNode().put("type", "string").put("pattern", regex);
            Grammar grammar = Grammar.parse(JsonSchemaGrammar.of(schema));
            int matched = 0;
            for (int i = 0; i < 20_000; i++) {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(4); n > 0; n--) {
                    text.append("ABCa\"\\\n\t xyé".charAt(random.nextInt(12)));
                }
                boolean expected = text.toString().matches(regex);
                matched += expected ? 1 : 0;
                byte[] json = JSON.writeValueAsBytes(text.toString());
                assertEquals(expected, grammar.matches(json), () -> regex + " on " + text);
            }
            assertTrue(matched > 0, regex);
        }
    }

    @ParameterizedTest
    @CsvSource({"0,0", "0,9", "0,10", "7,7", "3,12", "-5,5", "-120,-7", "-1,0", "95,1104", "100,999", "-999,1000"})
    void wholeNumbersAreExactlyThoseBetweenTheirBounds(int least, int most) throws IOException {
        Grammar within = grammar("{'type':'integer','minimum':" + least + ",'maximum':" + most + "}");
        Grammar between = grammar(
                "{'type':'integer','exclusiveMinimum':" + (least - 1) + ",'exclusiveMaximum':" + (most + 1) + "}");
        Grammar above = grammar("{'type':'integer','minimum':" + least + "}");
        Grammar below = grammar("{'type':'integer','maximum':" + most + "}");
        for (int n = -1_500; n <= 1_500; n++) {
            String text = Integer.toString(n);
            assertEquals(n >= least && n <= most, matches(within, text), text);
            assertEquals(n >= least && n <= most, matches(between, text), text);
            assertEquals(n >= least, matches(above, text), text);
            assertEquals(n <= most, matches(below, text), text);
        }
        for (String bad : List.of("01", "-0", "+1", "", "-", "1.0")) {
            assertFalse(matches(within, bad), bad);
        }
    }

    @ParameterizedTest
    @CsvSource({"0,1", "0,100", "-1,1", "5,12", "-12,-5", "3,3", "-7,0"})
    void numbersAreThoseBetweenTheirBounds(int least, int most) throws IOException {
        Grammar closed = grammar("{'type':'number','minimum':" + least + ",'maximum':" + most + "}");
        Grammar half = grammar("{'type':'number','exclusiveMinimum':" + least + "}");
        Random random = new Random(5);
        for (int i = 0; i < 3_000; i++) {
            int tenths = random.nextInt(400) - 200;
            String text =
                    (tenths < 0 ? "-" : "") + Math.abs(tenths) / 10 + (i % 2 == 0 ? "." + Math.abs(tenths) % 10 : "");
            double value = Double.parseDouble(text);
            if (text.startsWith("-") && value == 0) {
                continue;
            }
            assertEquals(value >= least && value <= most, matches(closed, text), text);
            assertEquals(value > least, matches(half, text), text);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "date,2026-11-26,2026-13-01",
        "date-time,2026-11-26T10:00:00Z,2026-11-26 10:00:00",
        "time,10:00:00.5+01:00,25:00:00Z",
        "duration,P3DT4H,PX",
        "email,a.b@example.org,a@b",
        "hostname,a-1.example,-a",
        "ipv4,192.168.0.1,256.1.1.1",
        "ipv6,2001:db8:0:0:0:0:0:1,g::1",
        "uri,https://a.example/x?y=1,no uri",
        "uuid,123e4567-e89b-12d3-a456-426614174000,123e4567"
    })
    void textsOfAFormatLookLikeIt(String format, String good, String bad) throws IOException {
        check("{'type':'string','format':'" + format + "'}", List.of("'" + good + "'"), List.of("'" + bad + "'"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "false",
                "7",
                "{'type':'thing'}",
                "{'not':{'type':'string'}}",
                "{'type':'string','format':'semver'}",
                "{'type':'array','uniqueItems':true}",
                "{'type':'integer','multipleOf':3}",
                "{'type':'integer','minimum':5,'maximum':4}",
                "{'type':'number','minimum':0.5}",
                "{'patternProperties':{'a':{}}}",
                "{'properties':{'a':{'if':{}}}}",
                "{'$ref':'#/nowhere'}",
                "{'$ref':'https://elsewhere.example/schema'}",
                "{'required':['a'],'properties':{'b':{}}}",
                "{'enum':[]}",
                "{'type':'string','pattern':'(?=a)'}",
                "{'type':'string','maxLength':-1}",
                "{'type':'array','minItems':100000}",
                "{'enum':[1,20],'maximum':10}",
                "{'const':1,'enum':[2]}",
                "{'type':'null','enum':[1]}",
                "{'$ref':'#','maximum':1}",
                "{'allOf':[{'type':'string'},{'type':'integer'}]}",
                "{'allOf':[{'properties':[]},{'properties':{'a':{}}}]}",
                "{'allOf':[{'required':'a'},{'required':['b']}]}",
                "{'allOf':[{},7]}",
            })
    void whatASchemaCannotBeHeldToIsRefusedWithItsPlace(String schema) {
        String why = assertThrows(IllegalArgumentException.class, () -> grammar(schema))
                .getMessage();
        assertTrue(why.startsWith("The schema at #"), why);
    }

    /** What stands beside a keyword that names a whole schema or all values holds as well. */
    @Test
    void everyKeywordOfASchemaHolds() throws IOException {
        check(
                "{'$ref':'#/$defs/n','maximum':10,'$defs':{'n':{'type':'integer','minimum':0}}}",
                List.of("0", "10"),
                List.of("11", "'a'"));
        check(
                "{'allOf':[{'$ref':'#/$defs/s','maxLength':3}],'$defs':{'s':{'type':'string'}}}",
                List.of("'abc'"),
                List.of("'abcd'"));
        check(
                "{'$ref':'#/$defs/b','required':['id'],'$defs':{'b':{'type':'object','properties':{'id':{'const':1}}}}}",
                List.of("{'id':1}"),
                List.of("{}"));
        check("{'$ref':'#/$defs/n','description':'a','$defs':{'n':{'type':'null'}}}", List.of("null"), List.of("1"));
        check("{'type':'integer','enum':[1,'1',2.0]}", List.of("1", "2.0"), List.of("'1'"));
        check("{'type':['string','null'],'enum':['a',null,3]}", List.of("'a'", "null"), List.of("3"));
        check("{'const':1,'enum':[1,2]}", List.of("1"), List.of("2"));
        check(
                "{'type':'string','anyOf':[{'type':'string','maxLength':1},{'type':['string','integer']}]}",
                List.of("'ab'"),
                List.of("7"));
        check(
                "{'allOf':[{'type':'number'},{'type':['integer','string'],'maximum':3}]}",
                List.of("3"),
                List.of("4", "'a'"));
        check(
                "{'allOf':[{'properties':{'a':true}},{'properties':{'a':{'type':'string'}}}]}",
                List.of("{'a':'b'}"),
                List.of("{'a':1}"));
    }

    @Test
    void hostileSchemasAreBounded() {
        String deep = "{'items':".repeat(200) + "{}" + "}".repeat(200);
        assertThrows(IllegalArgumentException.class, () -> grammar(deep));
        assertThrows(
                IllegalArgumentException.class,
                () -> grammar("{'$ref':'#/$defs/a','$defs':{'a':{'$ref':'#/$defs/a'}}}"));
        assertThrows(
                IllegalArgumentException.class,
                () -> grammar("{'$ref':'#/$defs/a','$defs':{'a':{'anyOf':[{'$ref':'#/$defs/a'},{'type':'null'}]}}}"));
        StringBuilder wide = new StringBuilder("{'properties':{");
        for (int i = 0; i < 3_000; i++) {
            wide.append(i == 0 ? "" : ",").append("'property").append(i).append("':{'type':'string'}");
        }
        assertThrows(IllegalArgumentException.class, () -> grammar(wide + "}}"));
        String many = wide.toString().replace("property", "a long name that is not worth it");
        StringBuilder joined = new StringBuilder(many).append("},'anyOf':[");
        for (int i = 0; i < 5_000; i++) {
            joined.append(i == 0 ? "" : ",")
                    .append("{'required':['property")
                    .append(i)
                    .append("']}");
        }
        StringBuilder texts = new StringBuilder("{'enum':['" + "x".repeat(200_000) + "'");
        for (int i = 0; i < 100_000; i++) {
            texts.append(",").append(i);
        }
        String itself = "{'allOf':[{'$ref':'#'},{'$ref':'#'}],'properties':{'a':{'$ref':'#'}}}";
        // A text that a schema has once may stand in its grammar many times.
        String text = "x".repeat(40_000);
        String types = "{'type':['array'" + ",'array'".repeat(1_000) + "],'prefixItems':[{'const':'" + text + "'}]}";
        String strings = "{'type':['string'" + ",'string'".repeat(1_000) + "],'pattern':'" + "x".repeat(30_000) + "'}";
        String patterns = "{'anyOf':[{'type':'string'}" + ",{'type':'string'}".repeat(1_000) + "],'pattern':'"
                + "x".repeat(30_000) + "'}";
        // One place has many spellings, and a list of nothing still has its schema copied.
        StringBuilder spellings = new StringBuilder("{'anyOf':[");
        for (int i = 0; i < 1 << 14; i++) {
            StringBuilder spelled = new StringBuilder();
            for (int bit = 0; bit < 14; bit++) {
                spelled.append((i >> bit & 1) == 0 ? "n" : "%6e");
            }
            spellings
                    .append(i == 0 ? "" : ",")
                    .append("{'$ref':'#/$defs/")
                    .append(spelled)
                    .append("'}");
        }
        spellings.append("],'$defs':{'").append("n".repeat(14)).append("':{'allOf':[],'examples':[{}");
        spellings.append(",{}".repeat(200_000)).append("]}}}");
        // Two long lists of types, and one beside as many values: nothing is held against each of the other's.
        StringBuilder some = new StringBuilder("['a'");
        StringBuilder others = new StringBuilder("['b'");
        for (int i = 0; i < 100_000; i++) {
            some.append(",'a").append(i).append("'");
            others.append(",'b").append(i).append("'");
        }
        String joinedTypes = "{'allOf':[{'type':" + some + "]},{'type':" + others + "]}]}";
        String typedValues = "{'enum':" + some + "],'type':" + others + "]}";
        String repeats = "{'pattern':'a" + "*".repeat(500_000) + "'}";
        String name = "{'properties':{'" + text + "':{}},'additionalProperties':true}";
        StringBuilder required = new StringBuilder("{'required':[''");
        StringBuilder properties = new StringBuilder("],'properties':{'':{}");
        for (int i = 0; i < 100_000; i++) {
            required.append(",'").append(i).append("'");
            properties.append(",'").append(i).append("':true");
        }
        // The place of a schema is written for each, and grows with the names above it.
        String places = ("{'properties':{'" + text + "':").repeat(40)
                + properties.toString().replace("],'properties':{", "{'properties':{")
                + "}}" + "}}".repeat(40);
        String pointers = "{'$defs':{'" + text + "':{}},'type':['array'" + ",'array'".repeat(100_000)
                + "],'prefixItems':[{'allOf':[{'$ref':'#/$defs/" + text + "'}]}]}";
        for (String hostile : List.of(
                places,
                pointers,
                spellings.toString(),
                joinedTypes,
                typedValues,
                joined + "]}",
                texts + "]}",
                itself,
                types,
                strings,
                patterns,
                repeats,
                name,
                required + properties.toString() + "}}")) {
            // What is not bounded takes minutes, on any processor.
            assertTimeout(
                    Duration.ofSeconds(60),
                    () -> assertThrows(IllegalArgumentException.class, () -> grammar(hostile)),
                    hostile.substring(0, 30));
        }
    }

    @Test
    void jsonBetweenOtherTextsIsHeldToItsSchema() throws IOException {
        JsonNode schema = JSON.readTree("{\"const\":{\"a\":1}}");
        Grammar grammar =
                Grammar.parse(JsonSchemaGrammar.within("\"<call>\" call \"</call>\"", "call", schema, Set.of()));
        assertTrue(grammar.matches("<call>{\"a\":1}</call>".getBytes(StandardCharsets.UTF_8)));
        assertFalse(grammar.matches("{\"a\":1}".getBytes(StandardCharsets.UTF_8)));
    }
}
