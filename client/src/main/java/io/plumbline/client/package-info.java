/**
 * The client library of applications: it asks a Plumbline server, and checks receipts and settlements offline. It
 * imports the verifier, the JDK's HTTP client and Jackson; no server, no ledger. Begin with {@link
 * io.plumbline.client.PlumblineClient}.
 */
package io.plumbline.client;
