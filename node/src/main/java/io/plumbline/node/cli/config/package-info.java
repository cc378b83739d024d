/** Configuration files of roles: read, looked over, shown and made of the options that commands declare. */
package io.plumbline.node.cli.config;
