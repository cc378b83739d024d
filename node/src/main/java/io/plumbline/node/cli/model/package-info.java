/** Models: imported, shown, checked, calibrated, a file a command. */
package io.plumbline.node.cli.model;
