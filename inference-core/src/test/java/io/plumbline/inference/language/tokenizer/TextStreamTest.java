package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.TestModels;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Text in pieces is the whole text: no half characters, and nothing of a stop text. */
class TextStreamTest {
    private static int[] tokens(Path model, String text) throws IOException {
        try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(
                model.resolve("tokenizer.json"), Map.of("addSpecialTokens", "false"))) {
            long[] ids = tokenizer.encode(text, false, false).getIds();
            int[] tokens = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                tokens[i] = (int) ids[i];
            }
            return tokens;
        }
    }

    private static List<Path> models() {
        List<Path> models = new ArrayList<>(List.of(TestModels.SHIPPED));
        if (Files.exists(TestModels.STORIES_260K)) {
            models.add(TestModels.STORIES_260K);
        }
        return models;
    }

    /** A token may be a part of a character: put together, their bytes are those of the text. */
    @Test
    void bytesOfTokensAreThoseOfTheText() throws IOException {
        String text = "The fox said: 🙂 na\u00efve — 日本語! It's  a\n\ntest.";
        for (Path model : models()) {
            try (ChatTokenizer tokenizer = ChatTokenizer.open(model)) {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                boolean isPart = false;
                for (int token : tokens(model, text)) {
                    byte[] one = tokenizer.bytes(token);
                    bytes.writeBytes(one);
                    isPart |= new String(one, StandardCharsets.UTF_8).contains("\uFFFD");
                }
                assertEquals(text, bytes.toString(StandardCharsets.UTF_8).stripLeading(), model.toString());
                assertTrue(isPart, "some characters take several tokens");
                assertEquals(0, tokenizer.bytes(1 << 20).length);
            }
        }
    }

    @Test
    void charactersOfManyBytesComeWhole() throws IOException {
        String text = "The fox said: 🙂 na\u00efve — 日本語! It's  a\n\ntest.";
        for (Path model : models()) {
            try (ChatTokenizer tokenizer = ChatTokenizer.open(model)) {
                TextStream stream = new TextStream(tokenizer, List.of());
                StringBuilder shown = new StringBuilder();
                int[] tokens = tokens(model, text);
                int pieces = 0;
                for (int token : tokens) {
                    String piece = stream.add(token);
                    assertFalse(piece.contains("\uFFFD"), "half a character: " + piece);
                    pieces += piece.isEmpty() ? 0 : 1;
                    shown.append(piece);
                }
                shown.append(stream.finish());
                assertEquals(text, shown.toString(), model.toString());
                assertTrue(pieces > 10, "it comes in pieces");
                assertTrue(pieces < tokens.length, "some characters take several tokens");
            }
        }
    }

    @Test
    void aStopTextAndItsBeginningAreHeldBack() throws IOException {
        try (ChatTokenizer tokenizer = ChatTokenizer.open(TestModels.SHIPPED)) {
            TextStream stream = new TextStream(tokenizer, List.of("never", "STOP here"));
            StringBuilder shown = new StringBuilder();
            int[] tokens = tokens(TestModels.SHIPPED, "One STOP then STOP here and more");
            int used = 0;
            while (!stream.isStopped()) {
                String piece = stream.add(tokens[used++]);
                shown.append(piece);
                assertFalse(shown.toString().endsWith("STOP h"), shown.toString());
            }
            shown.append(stream.finish());
            assertEquals("One STOP then ", shown.toString());
            assertTrue(used < tokens.length, "the rest is not needed");
        }
    }

    /**
     * Also where they are no characters for a while, as of a model at a high temperature, and wherever tokens that come
     * together are parted.
     */
    @Test
    void thePiecesOfAnyTokensAreTheTextOfAllOfThem() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (Path model : models()) {
            try (ChatTokenizer tokenizer = ChatTokenizer.open(model)) {
                int[] parts = IntStream.range(0, vocabulary(model))
                        .filter(token -> isPart(tokenizer, token))
                        .toArray();
                for (int round = 0; round < 300; round++) {
                    double share = random.nextDouble();
                    int[] tokens = random.ints(random.nextInt(200), 0, vocabulary(model) + 5)
                            .map(token -> random.nextDouble() < share ? parts[random.nextInt(parts.length)] : token)
                            .toArray();
                    String text = tokenizer.decode(tokens);
                    assertEquals(text, shown(tokenizer, tokens, () -> 1), model + ", seed " + seed);
                    assertEquals(
                            text,
                            shown(tokenizer, tokens, () -> 1 + random.nextInt(40)),
                            model + ", together, seed " + seed);
                }
            }
        }
    }

    /** The text that a stream shows of tokens that come so many at a time. */
    private static String shown(ChatTokenizer tokenizer, int[] tokens, IntSupplier together) {
        TextStream stream = new TextStream(tokenizer, List.of());
        StringBuilder shown = new StringBuilder();
        for (int from = 0; from < tokens.length; ) {
            int to = Math.min(tokens.length, from + together.getAsInt());
            shown.append(stream.add(Arrays.copyOfRange(tokens, from, to)));
            from = to;
        }
        return shown.append(stream.finish()).toString();
    }

    /** A control token stands behind the characters that are whole before it, wherever pieces end. */
    @Test
    void controlTokensAreToldWhereTheyStandInTheText() throws IOException {
        try (ChatTokenizer tokenizer = ChatTokenizer.open(TestModels.SHIPPED)) {
            int[] smile = tokens(TestModels.SHIPPED, "🙂");
            assertTrue(smile.length > 1, "it takes several tokens");
            List<Integer> tokens = new ArrayList<>();
            add(tokens, 0);
            add(tokens, tokens(TestModels.SHIPPED, "One STO"));
            add(tokens, 2, 1);
            add(tokens, tokens(TestModels.SHIPPED, "P <|e "));
            add(tokens, smile[0], 2);
            add(tokens, Arrays.copyOfRange(smile, 1, smile.length));
            add(tokens, tokens(TestModels.SHIPPED, "b"));
            String all = "{<|user|>}One STO{<|end|>}{<|assistant|>}P <|e {<|end|>}🙂b";
            // A stop text that never comes, and one that does: behind its beginning nothing is told.
            for (String stop : List.of("STOOP", "STOP")) {
                String told = stop.equals("STOP") ? all.substring(0, all.indexOf("STO")) : all;
                for (long seed = 0; seed < 50; seed++) {
                    Random random = new Random(seed);
                    assertEquals(told, told(tokenizer, tokens, stop, random), stop + ", seed " + seed);
                }
            }
        }
    }

    private static void add(List<Integer> tokens, int... more) {
        Arrays.stream(more).forEach(tokens::add);
    }

    private static String told(ChatTokenizer tokenizer, List<Integer> tokens, String stop, Random random) {
        TextStream stream = new TextStream(tokenizer, List.of(stop));
        List<TextStream.Piece> pieces = new ArrayList<>();
        for (int from = 0; from < tokens.size(); ) {
            int to = Math.min(tokens.size(), from + 1 + random.nextInt(4));
            pieces.addAll(stream.pieces(tokens.subList(from, to).stream()
                    .mapToInt(Integer::intValue)
                    .toArray()));
            from = to;
        }
        pieces.addAll(stream.finishPieces());
        return pieces.stream()
                .map(piece -> switch (piece) {
                    case TextStream.Piece.Text text -> text.text();
                    case TextStream.Piece.Control control -> "{" + control.name() + "}";
                })
                .collect(Collectors.joining());
    }

    private static int vocabulary(Path model) throws IOException {
        return new ObjectMapper()
                .readTree(model.resolve("tokenizer.json").toFile())
                .path("model")
                .path("vocab")
                .size();
    }

    private static boolean isPart(ChatTokenizer tokenizer, int token) {
        return new String(tokenizer.bytes(token), StandardCharsets.UTF_8).contains("\uFFFD");
    }

    /** The state of bytes is kept through whatever number of them. */
    @Test
    void aCharacterAfterManyStrayBytesComesWhole() throws IOException {
        for (Path model : models()) {
            try (ChatTokenizer tokenizer = ChatTokenizer.open(model)) {
                int[] smile = tokens(model, "🙂");
                int[] word = tokens(model, "fox");
                int last = smile[smile.length - 1];
                for (int stray = 0; stray < 20; stray++) {
                    int[] tokens = IntStream.concat(
                                    IntStream.generate(() -> last).limit(stray),
                                    IntStream.concat(Arrays.stream(smile), Arrays.stream(word)))
                            .toArray();
                    TextStream stream = new TextStream(tokenizer, List.of());
                    StringBuilder shown = new StringBuilder();
                    for (int token : tokens) {
                        shown.append(stream.add(token));
                    }
                    shown.append(stream.finish());
                    assertEquals(tokenizer.decode(tokens), shown.toString(), model + " after " + stray);
                }
            }
        }
    }

    /** Against the definition: the first of them in the text, wherever pieces end. */
    @Test
    void stopTextsThatRepeatThemselvesAreFoundWhereTheyBegin() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (ChatTokenizer tokenizer = ChatTokenizer.open(TestModels.SHIPPED)) {
            for (int round = 0; round < 300; round++) {
                String text = letters(random, 60);
                List<String> stops = IntStream.range(0, random.nextInt(4))
                        .mapToObj(i -> letters(random, 1 + random.nextInt(7)))
                        .toList();
                int[] tokens = tokens(TestModels.SHIPPED, text);
                TextStream stream = new TextStream(tokenizer, stops);
                StringBuilder shown = new StringBuilder();
                int used = 0;
                while (used < tokens.length && !stream.isStopped()) {
                    shown.append(stream.add(tokens[used++]));
                }
                shown.append(stream.finish());
                String whole = tokenizer.decode(Arrays.copyOf(tokens, used));
                int end = stops.stream()
                        .mapToInt(whole::indexOf)
                        .filter(at -> at >= 0)
                        .min()
                        .orElse(whole.length());
                String what = "seed " + seed + ", " + stops + " in " + whole;
                assertEquals(whole.substring(0, end), shown.toString(), what);
                String earlier = tokenizer.decode(Arrays.copyOf(tokens, used - 1));
                assertTrue(stops.stream().noneMatch(earlier::contains), what);
            }
        }
    }

    private static String letters(Random random, int length) {
        return random.ints(length, 0, 2).mapToObj(i -> i == 0 ? "a" : "b").collect(Collectors.joining());
    }

    @Test
    void bytesThatAreNoCharacterAppearAtTheEnd() throws IOException {
        try (ChatTokenizer tokenizer = ChatTokenizer.open(TestModels.SHIPPED)) {
            int[] smile = tokens(TestModels.SHIPPED, "🙂");
            TextStream stream = new TextStream(tokenizer, List.of());
            assertEquals("", stream.add(smile[0]));
            assertEquals("\uFFFD", stream.finish(), "an answer cut short in a character says so once");
        }
    }
}
