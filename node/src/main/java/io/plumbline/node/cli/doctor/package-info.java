/** {@code plumbline doctor}: whether a host is fit for a role, by what the host says and by what is tried on it. */
package io.plumbline.node.cli.doctor;
