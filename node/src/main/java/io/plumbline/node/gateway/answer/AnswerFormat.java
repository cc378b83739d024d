package io.plumbline.node.gateway.answer;

import io.plumbline.verifier.grammar.Gbnf;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** How a family of models writes its answers, by what its chat template says. */
public final class AnswerFormat {
    private static final ThinkReader.Tags THINK = new ThinkReader.Tags("<think>", "</think>");

    /** Mistral's, which are control tokens. */
    private static final ThinkReader.Tags THINK_IN_BRACKETS = new ThinkReader.Tags("[THINK]", "[/THINK]");

    /** Granite 3.2's. */
    private static final ThinkReader.Tags IN_WORDS =
            new ThinkReader.Tags("Here is my thought process:", "Here is my response:");

    private final boolean isHarmony;
    private final ThinkReader.Tags thinking;
    private final CallFormat calls;
    private final Channels channels;

    /** Whether what follows the reasoning stands in tags of its own. */
    private final boolean isResponse;

    /** How Gemma 4's channels are marked. */
    private enum Channels {
        NONE,
        BY_CONTROL_TOKENS,
        BY_TEXT
    }

    private AnswerFormat(
            boolean isHarmony, ThinkReader.Tags thinking, CallFormat calls, Channels channels, boolean isResponse) {
        this.isHarmony = isHarmony;
        this.thinking = thinking;
        this.calls = calls;
        this.channels = channels;
        this.isResponse = isResponse;
    }

    /**
     * The format that a model's chat template shows.
     *
     * @param template its source; empty for none.
     * @param isControl whether a name is a control token's in the model's vocabulary. GGUF files have some of Gemma 4's
     *     as text.
     */
    public static AnswerFormat of(String template, Predicate<String> isControl) {
        // Some templates have the opening tag alone, with which their prompts end.
        ThinkReader.Tags thinking = Stream.of(THINK, THINK_IN_BRACKETS, IN_WORDS)
                .filter(tags -> template.contains(tags.closing()) || template.contains(tags.opening()))
                .findFirst()
                .orElse(null);
        Channels channels = !template.contains(ChannelReader.CLOSING)
                ? Channels.NONE
                : isControl.test(ChannelReader.CLOSING) ? Channels.BY_CONTROL_TOKENS : Channels.BY_TEXT;
        return new AnswerFormat(
                HarmonyCallFormat.isOf(template),
                thinking,
                CallFormat.of(template, isControl),
                channels,
                template.contains(ResponseReader.CLOSING));
    }

    /** How it writes calls of tools; null where that is not known here. */
    public CallFormat calls() {
        return calls;
    }

    /**
     * Whether an answer begins within reasoning, since the prompt has its opening tag.
     *
     * @param promptEnd the end of the prompt, control tokens by their names.
     */
    private boolean isOpened(String promptEnd) {
        return thinking != null && promptEnd.stripTrailing().endsWith(thinking.opening());
    }

    /**
     * One that reads an answer from its beginning.
     *
     * @param tools null where none are offered.
     * @param isHeld whether a grammar holds the answer to a form, or to calls.
     * @param promptEnd as long as a tag and blanks, at least.
     */
    public AnswerReader reader(ToolUse tools, boolean isHeld, String promptEnd) {
        if (isHarmony && !isHeld) {
            return new HarmonyReader(tools);
        }
        AnswerReader rest = tools == null
                ? new TextReader()
                : isHeld ? tools.format().held().reader(tools) : tools.format().reader(tools);
        if (channels != Channels.NONE) {
            return new ChannelReader(channels == Channels.BY_TEXT, rest);
        }
        return thinking == null
                ? rest
                : new ThinkReader(thinking, isOpened(promptEnd), isResponse ? new ResponseReader(rest) : rest);
    }

    /**
     * A grammar for what follows the reasoning that the prompt has begun: the reasoning is free, and the answer behind
     * it held.
     *
     * @param grammar "" for none.
     */
    public String behindReasoning(String grammar, String promptEnd) {
        return grammar.isEmpty() || !isOpened(promptEnd) ? grammar : Gbnf.behind(thinking.closing(), grammar);
    }
}
