package io.plumbline.data.feed;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/** Finds the number in what a source sent. */
public final class SourceValue {
    private static final int MOST_DIGITS = 40;
    private static final int MOST_DEPTH = 100;

    /** Decimals that are read as they are written: a binary fraction would be another number. */
    private static final ObjectMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MOST_DEPTH)
                            .maxNumberLength(MOST_DIGITS)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private SourceValue() {}

    /** Thrown for what has no number at the declared place. */
    public static final class NoValueException extends Exception {
        private static final long serialVersionUID = 1;

        /** @param message what is wrong, without a full stop. */
        public NoValueException(String message) {
            super(message);
        }
    }

    /**
     * The value, as an integer times 10 to the power of {@code -decimals}; halves go to the even neighbour.
     *
     * @param body as it came.
     * @param decimals 0 to 18.
     * @throws NoValueException where the body is not of the source's format, or has no such number: its form changed.
     */
    public static long read(SourcePolicy policy, byte[] body, int decimals) throws NoValueException {
        String found = switch (policy.format()) {
            case JSON -> json(policy, body);
            case CSV -> csv(policy, body);
            case RSS -> rss(policy, body);
        };
        return scaled(found.strip(), decimals);
    }

    private static long scaled(String text, int decimals) throws NoValueException {
        if (text.length() > MOST_DIGITS || !text.matches("[+-]?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d{1,3})?")) {
            throw new NoValueException("what stands at the declared place is no number: \"" + shortened(text) + "\"");
        }
        try {
            return new BigDecimal(text)
                    .setScale(decimals, RoundingMode.HALF_EVEN)
                    .unscaledValue()
                    .longValueExact();
        } catch (ArithmeticException e) {
            throw new NoValueException(text + " is beyond what a value can hold with " + decimals + " decimals");
        }
    }

    private static String shortened(String text) {
        String line = text.replaceAll("\\p{Cntrl}", "?");
        return line.length() <= MOST_DIGITS ? line : line.substring(0, MOST_DIGITS) + "...";
    }

    private static String utf8(byte[] body) throws NoValueException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(body))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new NoValueException("what came is no UTF-8");
        }
    }

    private static String json(SourcePolicy policy, byte[] body) throws NoValueException {
        try {
            JsonNode found = SingularQuery.parse(policy.path()).find(JSON.readTree(utf8(body)));
            if (found == null || !found.isNumber() && !found.isTextual()) {
                throw new NoValueException("there is no number at " + policy.path());
            }
            return found.isNumber() ? found.decimalValue().toString() : found.asText();
        } catch (JsonProcessingException e) {
            throw new NoValueException("what came is no JSON: " + e.getOriginalMessage());
        }
    }

    private static String csv(SourcePolicy policy, byte[] body) throws NoValueException {
        List<List<String>> lines =
                CsvLines.firstAndLast(utf8(body), policy.row().equals("first"));
        int column = lines.isEmpty() ? -1 : lines.getFirst().indexOf(policy.path());
        if (column < 0) {
            throw new NoValueException("the first line names no column \"" + policy.path() + "\"");
        }
        if (lines.size() < 2 || lines.get(1).size() <= column) {
            throw new NoValueException("there is no line with a column \"" + policy.path() + "\"");
        }
        return lines.get(1).get(column);
    }

    private static String rss(SourcePolicy policy, byte[] body) throws NoValueException {
        XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
        // A document of a stranger: nothing that it names is fetched or expanded.
        factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
        factory.setProperty(XMLInputFactory.IS_COALESCING, true);
        List<String> found = new ArrayList<>();
        try {
            XMLStreamReader in = factory.createXMLStreamReader(new ByteArrayInputStream(body));
            boolean isInItem = false;
            while (in.hasNext()) {
                int event = in.next();
                if (event == XMLStreamConstants.START_ELEMENT
                        && in.getLocalName().matches("item|entry")) {
                    isInItem = true;
                } else if (event == XMLStreamConstants.END_ELEMENT
                        && in.getLocalName().matches("item|entry")) {
                    isInItem = false;
                } else if (isInItem
                        && event == XMLStreamConstants.START_ELEMENT
                        && in.getLocalName().equals(policy.path())) {
                    String text = in.getElementText();
                    if (policy.row().equals("first") && !found.isEmpty()) {
                        continue;
                    }
                    found.clear();
                    found.add(text);
                }
            }
        } catch (XMLStreamException e) {
            throw new NoValueException("what came is no RSS: " + shortened(String.valueOf(e.getMessage())));
        }
        if (found.isEmpty()) {
            throw new NoValueException("no item has an element \"" + policy.path() + "\"");
        }
        return found.getFirst();
    }
}
