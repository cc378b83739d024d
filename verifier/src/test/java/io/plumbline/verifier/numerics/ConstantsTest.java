package io.plumbline.verifier.numerics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The constants of the C form are those of the contract. */
class ConstantsTest {
    @Test
    void theCSourceHasTheSameNumbers() throws Exception {
        String source = Files.readString(Path.of("../native/src/main/c/math.c"));
        Matcher matcher =
                Pattern.compile("static const float (\\w+) = ([^;]+);").matcher(source);
        int compared = 0;
        while (matcher.find()) {
            Object value = Constants.class.getDeclaredField(matcher.group(1)).get(null);
            assertEquals((Float) value, Float.parseFloat(matcher.group(2)), 0f, matcher.group(1));
            compared++;
        }
        assertEquals(14, compared);
    }
}
