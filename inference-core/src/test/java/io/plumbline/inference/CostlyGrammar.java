package io.plumbline.inference;

/** A grammar that is cheap for some characters, and at the next has 2^200 readings. */
public final class CostlyGrammar {
    private CostlyGrammar() {}

    /** @param characters of any kind, which none of it costs anything to follow; 0 for one that cannot be begun. */
    public static String after(int characters) {
        StringBuilder text =
                new StringBuilder(characters == 0 ? "root ::= r0\n" : "root ::= [^#]{" + characters + "} r0\n");
        for (int i = 0; i < 200; i++) {
            text.append("r" + i + " ::= r" + (i + 1) + " | r" + (i + 1) + " \"c\"\n");
        }
        return text.append("r200 ::= [^#]\n").toString();
    }
}
