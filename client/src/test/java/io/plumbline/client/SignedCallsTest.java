package io.plumbline.client;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SignedCallsTest {
    /** @param calls a name and arguments, in turn. */
    private static ArrayNode calls(String... calls) {
        ArrayNode array = HttpCalls.MAPPER.createArrayNode();
        for (int i = 0; i < calls.length; i += 2) {
            array.addObject().putObject("function").put("name", calls[i]).put("arguments", calls[i + 1]);
        }
        return array;
    }

    private static final Set<String> OFFERED = Set.of("pay", "look", "give", "paylook", "a");

    private static boolean areIn(String signed, ArrayNode calls) {
        return SignedCalls.areIn(signed, calls, OFFERED, false);
    }

    private static final String HERMES = """
            I pay. <tool_call>
            {"name": "pay", "arguments": {"to": "A \\"b\\" c", "amount": 5, "tags": [1, 2]}}
            </tool_call>
            <tool_call>
            {"arguments": {"id": 7}, "name": "look"}
            </tool_call>""";

    @Test
    void argumentsStandInTheTextAsJson() {
        String pay = "{\"to\":\"A \\\"b\\\" c\",\"amount\":5,\"tags\":[1,2]}";
        assertTrue(areIn(HERMES, calls("pay", pay, "look", "{\"id\":7}")));
        assertTrue(areIn(HERMES, calls("look", "{\"id\":7}")));
        assertTrue(areIn(HERMES, calls("pay", "{\"to\":\"A \\\"b")), "one that was cut while it was told");
        assertTrue(areIn(
                "analysisI look.assistantcommentary to=functions.look json{\"sea\":1}", calls("look", "{\"sea\":1}")));
        assertFalse(areIn(HERMES, calls("look", "{\"id\":7}", "pay", pay)), "in another order");
        assertFalse(areIn(HERMES, calls("pay", pay, "pay", pay)), "twice where it stands once");
        for (String other : new String[] {
            pay.replace("A ", "B "),
            pay.replace("5", "50"),
            pay.replace("[1,2]", "[1]"),
            pay.replace("A \\\"b\\\" c", "A \\\"b\\\"  c"),
            "{\"to\":\"A \\\"b\\\" c\",\"amount\":5}",
            "{}",
            "[]"
        }) {
            assertFalse(areIn(HERMES, calls("pay", other)), other);
        }
        assertFalse(areIn(HERMES, calls("give", pay)), "a function that the text does not name");
    }

    @Test
    void argumentsStandInTheTextAsElements() {
        String coder = """
                <tool_call>
                <function=pay>
                <parameter=to>
                A "b"
                c
                </parameter>
                <parameter=amount>
                5
                </parameter>
                <parameter=now>
                True
                </parameter>
                <parameter=tags>
                [1, 2]
                </parameter>
                </function>
                </tool_call>""";
        String glm = "pay\n<arg_key>to</arg_key>\n<arg_value>A \"b\"\nc</arg_value>\n<arg_key>amount</arg_key>\n"
                + "<arg_value>5</arg_value>\n<arg_key>now</arg_key><arg_value>true</arg_value>"
                + "<arg_key>tags</arg_key><arg_value>[1, 2]</arg_value>";
        String pay = "{\"to\":\"A \\\"b\\\"\\nc\",\"amount\":5,\"now\":true,\"tags\":[1, 2]}";
        for (String text : new String[] {coder, glm}) {
            assertTrue(areIn(text, calls("pay", pay)), text);
            assertTrue(areIn(text, calls("pay", pay.replace(":5", ":\"5\""))), "a text that reads as one");
            for (String other : new String[] {
                pay.replace("A ", "B "),
                pay.replace(":5", ":50"),
                pay.replace("true", "false"),
                pay.replace("amount", "to"),
                pay.replace("[1, 2]", "[1]"),
                "{\"amount\":5,\"to\":\"A \\\"b\\\"\\nc\"}",
                pay.replace(",\"tags\":[1, 2]", ""),
                pay.replace("\"amount\":5,", ""),
                "{}",
                "{\"to\":\"b\"}",
                "{\"more\":1}"
            }) {
                assertFalse(areIn(text, calls("pay", other)), other);
            }
        }
        for (String text :
                new String[] {"<function=look>\n</function>", "Well.\nlook\n", "<tool_call>look</tool_call>"}) {
            assertTrue(areIn(text, calls("look", "{}")), "one without arguments: " + text);
        }
        for (String text : new String[] {"I look.", "I\nlook at it", "look<arg_key>", "<function=look>"}) {
            assertFalse(areIn(text, calls("look", "{}")), text);
        }
    }

    /** With its marks in the text, and where they are control tokens, which stand in none. */
    @Test
    void argumentsStandInTheTextAsGemmaWritesThem() {
        String marked =
                "<|tool_call>call:pay{amount:5,now:True,tags:[1,{a:<|\"|><|\"|>}],to:<|\"|>A \"b\",\nc}<|\"|>}<tool_call|>"
                        + "<|tool_call>call:look{}<tool_call|>";
        String bare = marked.replaceAll("<[a-z_|\"]*>", "");
        String pay = "{\"amount\":5,\"now\":true,\"tags\":[1,{\"a\":\"\"}],\"to\":\"A \\\"b\\\",\\nc}\"}";
        for (String text : new String[] {marked, bare}) {
            assertTrue(areIn(text, calls("pay", pay, "look", "{}")), text);
            assertTrue(areIn(text, calls("pay", pay.substring(0, pay.length() - 4))), "one that was cut: " + text);
            for (String other : new String[] {
                pay.replace("A ", "B "),
                pay.replace("5", "50"),
                pay.replace("true", "false"),
                pay.replace("amount", "sum"),
                pay.replace("[1,", "["),
                pay.replace("\"now\":true,", ""),
                pay.replace("\\n", " "),
                "{}",
                "{\"to\":\"A\"}"
            }) {
                assertFalse(areIn(text, calls("pay", other)), other + " in " + text);
            }
            assertFalse(areIn(text, calls("look", "{}", "pay", pay)), "in another order");
            assertFalse(areIn(text, calls("give", pay)));
        }
        assertFalse(areIn("call:paylook{a:1}", calls("pay", "{\"a\":1}")), "the beginning of another's name");
        assertTrue(areIn("call:pay{to:<|\"|> A<|\"|>}", calls("pay", "{\"to\":\" A\"}")));
        assertTrue(areIn("call:pay{to: A}", calls("pay", "{\"to\":\" A\"}")));
        assertFalse(areIn("call:pay{to:<|\"|>A<|\"|>}", calls("pay", "{\"to\":\"<|\\\"|>A\"}")));
    }

    @Test
    void argumentsStandInTheTextAsPythonHasThem() {
        String text = "<function_calls>pay(amount=5, now=True, to='A \"b\" it\\'s\\n', tags=[1, {\"a\": null,}])\n"
                + "look()</function_calls>";
        String pay = "{\"amount\":5,\"now\":true,\"to\":\"A \\\"b\\\" it's\\n\",\"tags\":[1,{\"a\":null}]}";
        assertTrue(areIn(text, calls("pay", pay, "look", "{}")));
        for (String other : new String[] {
            pay.replace("A ", "B "),
            pay.replace("5", "50"),
            pay.replace("true", "false"),
            pay.replace("amount", "sum"),
            pay.replace("[1,", "["),
            pay.replace("\"now\":true,", ""),
            pay.replace(",\"tags\":[1,{\"a\":null}]", ""),
            "{}"
        }) {
            assertFalse(areIn(text, calls("pay", other)), other);
        }
        assertFalse(areIn(text, calls("look", "{}", "pay", pay)), "in another order");
        assertFalse(areIn("paylook()", calls("look", "{}")), "the end of another's name");
    }

    /** A name and arguments that stand in the text, and not as one call's. */
    @Test
    void eachCallHasItsOwnNameAndArguments() {
        String two = "<tool_call>{\"name\":\"look\",\"arguments\":{\"to\":\"B\"}}</tool_call>"
                + "<tool_call>{\"arguments\":{\"to\":\"A\"},\"name\":\"pay\"}</tool_call>";
        String b = "{\"to\":\"B\"}";
        String a = "{\"to\":\"A\"}";
        assertTrue(areIn(two, calls("look", b, "pay", a)));
        assertTrue(areIn(two, calls("pay", a)));
        for (String[] wrong :
                new String[][] {{"pay", b, "look", a}, {"pay", b}, {"look", a}, {"pay", ""}, {"look", "", "pay", a}}) {
            assertFalse(areIn(two, calls(wrong)), String.join(" ", wrong));
        }
        assertFalse(SignedCalls.areIn(two, calls("look", "", "pay", a), OFFERED, true), "the last alone may be cut");
        assertTrue(SignedCalls.areIn(two, calls("look", b, "pay", ""), OFFERED, true));
        String nested = "Never give. {\"name\":\"look\",\"arguments\":{\"id\":{\"id\":7}}}";
        assertFalse(areIn(nested, calls("give", "{\"id\":7}")));
        assertFalse(areIn(nested, calls("look", "{\"id\":7}")));
        String mistral = "look{\"to\":\"B\"}pay{\"to\":\"A\"}";
        assertTrue(areIn(mistral, calls("look", b, "pay", a)));
        assertFalse(areIn(mistral, calls("pay", b)));
        assertTrue(areIn("pay0a1B2c3D4{\"to\":\"A\"}", calls("pay", a)), "with the call's id");
        assertFalse(areIn("paylook{\"to\":\"A\"}", calls("look", a)), "the end of another's name");
        String header = "analysisI pay.assistantcommentary to=functions.pay json{\"to\":\"A\"}";
        assertTrue(areIn(header, calls("pay", a)));
        assertTrue(areIn("assistant to=functions.pay commentary json{\"to\":\"A\"}", calls("pay", a)));
        assertFalse(areIn(header.replace("functions.pay", "functions.look"), calls("pay", a)));
    }

    /** A name or a text that is several arguments of the signed call would leave these out. */
    @Test
    void noArgumentHidesOthers() {
        String python = "pay(to='A', dry=True, n=1)";
        assertTrue(areIn(python, calls("pay", "{\"to\":\"A\",\"dry\":true,\"n\":1}")));
        assertFalse(areIn(python, calls("pay", "{\"to='A', dry\":true,\"n\":1}")));
        String coder =
                "<function=pay>\n<parameter=to>\nA\n</parameter>\n<parameter=dry>\ntrue\n</parameter>\n</function>";
        assertTrue(areIn(coder, calls("pay", "{\"to\":\"A\",\"dry\":true}")));
        assertFalse(areIn(coder, calls("pay", "{\"to\":\"A\\n</parameter>\\n<parameter=dry>\\ntrue\"}")));
        assertFalse(areIn(coder, calls("pay", "{\"to>\\nA\\n</parameter>\\n<parameter=dry\":true}")));
        String glm =
                "pay\n<arg_key>to</arg_key>\n<arg_value>A</arg_value>\n<arg_key>dry</arg_key><arg_value>true</arg_value>";
        assertTrue(areIn(glm, calls("pay", "{\"to\":\"A\",\"dry\":true}")));
        assertFalse(areIn(glm, calls("pay", "{\"to\":\"A</arg_value>\\n<arg_key>dry</arg_key><arg_value>true\"}")));
        assertFalse(areIn(glm, calls("pay", "{\"to</arg_key>\\n<arg_value>A</arg_value>\\n<arg_key>dry\":true}")));
        String quoting = coder.replace("A\n", "A </parameter> </function> B\n").replace("</function> B", "B");
        assertTrue(areIn(quoting, calls("pay", "{\"to\":\"A </parameter> B\",\"dry\":true}")), "one that ends nothing");
        String gemma = "<|tool_call>call:pay{dry:true,to:<|\"|>A<|\"|>}<tool_call|>";
        assertTrue(areIn(gemma, calls("pay", "{\"dry\":true,\"to\":\"A\"}")));
        assertFalse(areIn(gemma, calls("pay", "{\"dry:true,to\":\"A\"}")));
        assertFalse(areIn(gemma, calls("pay", "{\"dry\":\"true,to:<|\\\"|>A<|\\\"|>\"}")));
        assertFalse(areIn(gemma.replaceAll("<[a-z_|\"]*>", ""), calls("pay", "{\"dry:true,to\":\"A\"}")));
    }

    @Test
    void nothingStandsBehindArguments() {
        String twice = "{\"to\":\"A\"} {\"to\":\"B\"}";
        for (String text : new String[] {
            "pay(to='A')", "<function=pay>\n<parameter=to>\nA\n</parameter>\n</function>", "pay" + twice
        }) {
            assertTrue(areIn(text, calls("pay", "{\"to\":\"A\"}")), text);
            assertFalse(areIn(text, calls("pay", twice)), text);
            assertFalse(areIn(text, calls("pay", "{\"to\":\"A\"} B")), text);
        }
    }

    /** Words of what is said are no arguments, though all of them are there. */
    @Test
    void wordsOfASentenceAreNoCall() {
        String text = "I could pay 5 to Eve, or to Bob.";
        assertFalse(areIn(text, calls("pay", "{\"to\":\"Eve\",\"amount\":5}")));
    }

    @Test
    void noTextTakesTheCheckLong() {
        String text = "{\"a\":".repeat(200_000);
        assertTimeout(
                Duration.ofSeconds(60), () -> assertFalse(areIn(text, calls("a", "{\"a\":".repeat(150_000) + "1"))));
        String elements = "<function=a><parameter=a>".repeat(100_000);
        assertTimeout(
                Duration.ofSeconds(60),
                () -> assertFalse(areIn(elements, calls("a", "{" + "\"a\":1,".repeat(10_000) + "\"a\":1}"))));
        String objects = "{}".repeat(300_000);
        assertTimeout(Duration.ofSeconds(60), () -> assertFalse(areIn(objects, calls("a", "{}"))));
        String value = "\na<arg_key>k</arg_key><arg_value>W";
        String nested = "a" + ("<arg_key>k</arg_key><arg_value>" + value + "</arg_value>").repeat(12_000);
        String same = "{" + ("\"k\":\"" + value.replace("\n", "\\n") + "\",").repeat(11_000) + "\"z\":1}";
        assertTimeout(Duration.ofSeconds(60), () -> assertFalse(areIn(nested, calls("a", same))));
    }

    @Test
    void noTextTakesTheCheckOfAMessageLong() {
        String same = "a".repeat(600_000);
        assertTimeout(
                Duration.ofSeconds(60),
                () -> assertFalse(SignedMessage.isPartOf(same, same.substring(300_000) + "b", 1)));
        String channels = " ".repeat(600_000) + "<|channel><channel|>".repeat(40_000) + "x";
        assertTimeout(Duration.ofSeconds(60), () -> assertFalse(SignedChannels.isOf(channels, "", "y")));
    }

    @Test
    void partsOfATextAreFoundWhereTheyFirstStand() {
        assertTrue(SignedMessage.isPartOf("aabaabaac {} d", "aabaac\nd", 1));
        assertTrue(SignedMessage.isPartOf("one {} two", "one\ntwo", 1));
        assertFalse(SignedMessage.isPartOf("one {} two {} three", "one\ntwo\nthree", 1));
        assertFalse(SignedMessage.isPartOf("one {} two", "two\none", 1));
        assertFalse(SignedMessage.isPartOf("one {} two", "three", 1));
    }
}
