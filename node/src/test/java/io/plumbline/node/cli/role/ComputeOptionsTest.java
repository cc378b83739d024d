package io.plumbline.node.cli.role;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.beust.jcommander.JCommander;
import io.plumbline.inference.language.engine.Engine;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ComputeOptionsTest {
    private static ComputeOptions options(String... arguments) throws IOException {
        ComputeOptions options = new ComputeOptions();
        JCommander.newBuilder().addObject(options).build().parse(arguments);
        options.requireSound();
        return options;
    }

    @ParameterizedTest
    @CsvSource({"off, 0", "0, 0", "1, 1", "63, 63"})
    void speculationIsOffOrANumberOfTokens(String given, int drafts) throws IOException {
        assertEquals(drafts, options("--speculate", given).choice().drafts());
    }

    @Test
    void speculationIsOnWhereNothingIsSaid() throws IOException {
        assertEquals(Engine.Limits.DRAFTS, options().choice().drafts());
    }

    @ParameterizedTest
    @ValueSource(strings = {"64", "-1", "99999", "on", ""})
    void anotherWordIsRefusedAndNamed(String given) {
        IOException e = assertThrows(IOException.class, () -> options("--speculate", given));
        assertEquals("--speculate is off or a number of tokens up to 63, not " + given + ".", e.getMessage());
    }
}
