/** The commands of operators, auditors and owners of accounts. Imports the roles. */
package io.plumbline.node.cli;
