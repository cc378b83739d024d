/** {@code plumbline api-key}: the file of those that may use an API. */
package io.plumbline.node.cli.apikey;
