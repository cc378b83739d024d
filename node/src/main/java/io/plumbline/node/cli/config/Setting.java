package io.plumbline.node.cli.config;

import java.util.List;

/**
 * An option's value outside of the command line.
 *
 * @param option that it is for.
 * @param values as the command line would have them, several for options that may be named again.
 */
record Setting(RoleOption option, List<String> values, Origin origin) {}
