package io.plumbline.node.cli.ledger;

import io.plumbline.ledger.state.Parameters;
import java.io.IOException;
import java.util.List;

/** What {@code --set} says of the ledger's parameters. */
final class ParameterChanges {
    static final String HELP =
            "NAME=VALUE: a parameter; again for more. rules commitMs graceMs revealMs escrowMs tokenMs"
                    + " unbondMs retainMs maxAuditors minStake cover fee registrationFee auditFee accusationDeposit";

    private ParameterChanges() {}

    /**
     * @param assignments NAME=VALUE each.
     * @return the default parameters with these changes.
     * @throws IOException where one is unknown or out of its range.
     */
    static Parameters of(List<String> assignments) throws IOException {
        Parameters to = Parameters.DEFAULT;
        try {
            for (String one : assignments) {
                to = to.with(one);
            }
        } catch (IllegalArgumentException e) {
            throw new IOException("--set: " + e.getMessage() + ".", e);
        }
        return to;
    }
}
