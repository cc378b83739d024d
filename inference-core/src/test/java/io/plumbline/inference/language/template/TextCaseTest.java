package io.plumbline.inference.language.template;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Locale;
import org.junit.jupiter.api.Test;

/** Case of characters one by one, beside that of the JDK. */
class TextCaseTest {
    @Test
    void everyCharacterHasTheUpperAndLowerCaseThatTheJdkGivesIt() {
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            String one = Character.toString(c);
            assertEquals(one.toUpperCase(Locale.ROOT), TextCase.upper(one), "U+" + Integer.toHexString(c));
            assertEquals(one.toLowerCase(Locale.ROOT), TextCase.lower(one), "U+" + Integer.toHexString(c));
        }
    }

    @Test
    void aSigmaAtTheEndOfAWordIsAFinalOne() {
        for (String text : new String[] {"ΑΣ", "ΑΣΑ", "Σ", "ΑΣ ΑΣ", "ΑΣ'Α", "ΑΣ.", "Α\u0301Σ", "1Σ", "ΣΣΣ"}) {
            assertEquals(text.toLowerCase(Locale.ROOT), TextCase.lower(text), text);
        }
    }
}
