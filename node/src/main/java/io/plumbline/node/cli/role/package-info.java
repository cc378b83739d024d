/** The commands that run a role until the process is told to end. */
package io.plumbline.node.cli.role;
