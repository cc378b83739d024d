/**
 * {@code plumbline serve}: models imported and calibrated on the way, and served by this process. Imports the roles'
 * options and the commands on models.
 */
package io.plumbline.node.cli.serve;
