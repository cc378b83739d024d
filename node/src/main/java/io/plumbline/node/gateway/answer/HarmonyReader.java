package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads answers in OpenAI's harmony format, which gpt-oss writes: messages, each of a header, which names a channel and
 * perhaps a recipient, and a body. What stands in the channel {@code final} is said, bodies to {@code functions.NAME}
 * are calls, and the others of the channels {@code analysis} and {@code commentary} are reasoning. Control tokens part
 * all of this, and text that spells one out is text.
 */
final class HarmonyReader implements AnswerReader {
    private static final Pattern RECIPIENT = Pattern.compile("(?:^|\\s)to=functions\\.(\\S+)");
    private static final Pattern OTHER_RECIPIENT = Pattern.compile("(?:^|\\s)to=");

    /** Characters of a header: a role, a channel, a tool's name and the type of its arguments. */
    private static final int MAX_HEADER = 1024;

    private final CallTeller teller;

    /** Of the message that is being read: up to its channel, and from there on; null where no channel has come. */
    private final StringBuilder role = new StringBuilder();

    private StringBuilder channel;

    private Kind kind = Kind.HEADER;

    /** The text of the message that has not been told; of a call, all of it. */
    private final StringBuilder body = new StringBuilder();

    /** Whether reasoning, or text, was told by an earlier message, or by this one. */
    private boolean hasReasoning;

    private boolean hasText;

    /** Whether the message has told something. */
    private boolean isBegun;

    /** Whether a message has begun; an answer in which none does is of another format, and text. */
    private boolean isStructured;

    private enum Kind {
        HEADER,
        REASONING,
        TEXT,
        CALL
    }

    /** @param use null where no tools are offered. */
    HarmonyReader(ToolUse use) {
        this.teller = new CallTeller(use == null ? new ToolUse(HarmonyCallFormat.HARMONY, Map.of(), false) : use);
    }

    @Override
    public boolean isReasoning() {
        return kind == Kind.REASONING;
    }

    @Override
    public boolean mayReason() {
        return kind == Kind.REASONING || kind == Kind.HEADER;
    }

    @Override
    public int calls() {
        return teller.calls();
    }

    @Override
    public List<AnswerPart> add(List<Piece> pieces) {
        List<AnswerPart> out = new ArrayList<>();
        for (Piece piece : pieces) {
            switch (piece) {
                case Piece.Text(String text) -> text(text, out);
                case Piece.Control(String name) -> control(name, out);
            }
        }
        tell(out);
        return out;
    }

    private void text(String text, List<AnswerPart> out) {
        switch (kind) {
            case HEADER -> header(text);
            case CALL -> call(text, out);
            case REASONING, TEXT -> body.append(text);
        }
    }

    private void header(String text) {
        (channel == null ? role : channel).append(text);
        if (role.length() + (channel == null ? 0 : channel.length()) > MAX_HEADER) {
            // No header has so much: what came is said, so that no more of it is kept.
            kind = Kind.TEXT;
            body.append(role);
            body.append(channel == null ? "" : channel);
        }
    }

    private void call(String text, List<AnswerPart> out) {
        for (int i = 0; i < text.length(); i++) {
            boolean isWell = teller.isWhole() ? JsonScanner.isBlank(text.charAt(i)) : teller.take(text.charAt(i));
            if (!isWell) {
                body.append(text, 0, i);
                cut(out);
                kind = Kind.TEXT;
                body.append(text, i, text.length());
                return;
            }
        }
        body.append(text);
    }

    private void cut(List<AnswerPart> out) {
        teller.cut(body.isEmpty() ? "" : parted(hasText), out);
        isBegun = !body.isEmpty();
        hasText |= isBegun;
        body.setLength(0);
    }

    /** The message's text so far, behind a line's end where another one of its kind was told: they have none. */
    private String parted(boolean hasOther) {
        return (hasOther && !isBegun ? "\n" : "") + body;
    }

    private void control(String name, List<AnswerPart> out) {
        switch (name) {
            case "<|message|>" -> {
                if (kind == Kind.HEADER) {
                    beginBody(out);
                }
            }
            case "<|channel|>" -> {
                isStructured = true;
                beginHeader(out);
                channel = new StringBuilder();
            }
            case "<|constrain|>" -> {
                if (kind == Kind.HEADER) {
                    header(" ");
                }
            }
            case "<|start|>", "<|end|>", "<|call|>", "<|return|>" -> {
                sayUnstructured(out);
                isStructured |= name.equals("<|start|>");
                beginHeader(out);
                role.setLength(0);
                channel = null;
            }
            default -> {
                // It says nothing here.
            }
        }
    }

    /** The body ends, where one is being read. */
    private void beginHeader(List<AnswerPart> out) {
        if (kind == Kind.CALL && !(teller.isWhole() && teller.end(out))) {
            cut(out);
        }
        tell(out);
        if (kind != Kind.HEADER) {
            role.setLength(0);
            channel = null;
        }
        body.setLength(0);
        kind = Kind.HEADER;
    }

    private void sayUnstructured(List<AnswerPart> out) {
        if (!isStructured && kind == Kind.HEADER) {
            kind = Kind.TEXT;
            body.append(role);
            tell(out);
        }
    }

    private void beginBody(List<AnswerPart> out) {
        isStructured = true;
        String header = role + " " + (channel == null ? "" : channel);
        Matcher recipient = RECIPIENT.matcher(header);
        String name = channel == null ? "" : channel.toString().strip().split("\\s", 2)[0];
        if (recipient.find()) {
            kind = teller.begin(recipient.group(1), out) ? Kind.CALL : Kind.TEXT;
        } else if (OTHER_RECIPIENT.matcher(header).find()) {
            // A tool that nobody has offered.
            kind = Kind.TEXT;
        } else {
            kind = name.equals("analysis") || name.equals("commentary") ? Kind.REASONING : Kind.TEXT;
        }
        isBegun = false;
    }

    private void tell(List<AnswerPart> out) {
        if (kind == Kind.CALL) {
            teller.flush(out);
            return;
        }
        if (kind == Kind.HEADER || body.isEmpty()) {
            return;
        }
        boolean isReasoning = kind == Kind.REASONING;
        String text = parted(isReasoning ? hasReasoning : hasText);
        out.add(isReasoning ? new AnswerPart.Reasoning(text) : new AnswerPart.Text(text));
        hasReasoning |= isReasoning;
        hasText |= !isReasoning;
        isBegun = true;
        body.setLength(0);
    }

    @Override
    public List<AnswerPart> finish() {
        List<AnswerPart> out = new ArrayList<>();
        sayUnstructured(out);
        beginHeader(out);
        return out;
    }
}
