package io.plumbline.data.feed;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLSocketFactory;

/**
 * Fetches what a source sends, of which strangers chose the address. A name is resolved once and the connection goes to
 * the very address that was looked at, so that a name server cannot say another one in between (DNS rebinding);
 * redirects are followed a few times, each looked at in the same way; time and size are bounded as a whole, so a source
 * that drips is given up.
 */
public final class SourceFetch {
    /** Longest body. */
    public static final int MOST_BYTES = 1 << 20;

    private static final int MOST_REDIRECTS = 3;
    private static final long MOST_MS = 15_000;

    private final Resolver resolver;
    private final boolean mayBePrivate;
    private final SSLSocketFactory tls;
    private final long mostMs;

    /** Names' addresses. */
    @FunctionalInterface
    public interface Resolver {
        InetAddress[] resolve(String host) throws IOException;
    }

    /**
     * An answer of a source.
     *
     * @param at where it came from, after redirects.
     * @param certificateHash BLAKE3 over the certificates that the source showed, each with its length before it; zeros
     *     where it was fetched without TLS.
     * @param sentMs when the first request was sent, in milliseconds of UTC by this host.
     * @param receivedMs when the body was whole.
     */
    public record Fetched(URI at, byte[] body, byte[] certificateHash, long sentMs, long receivedMs) {}

    /**
     * Fetches by the host's name servers and trusted certificates.
     *
     * @param mayBePrivate whether addresses of this host and of private networks may be fetched from: for operators
     *     whose sources are there, and who declare their feeds themselves.
     */
    public SourceFetch(boolean mayBePrivate) {
        this(InetAddress::getAllByName, mayBePrivate, (SSLSocketFactory) SSLSocketFactory.getDefault());
    }

    /** By another way to find addresses, and other certificates to trust. */
    public SourceFetch(Resolver resolver, boolean mayBePrivate, SSLSocketFactory tls) {
        this(resolver, mayBePrivate, tls, MOST_MS);
    }

    /** In another time. */
    SourceFetch(Resolver resolver, boolean mayBePrivate, SSLSocketFactory tls, long mostMs) {
        this.mostMs = mostMs;
        this.resolver = resolver;
        this.mayBePrivate = mayBePrivate;
        this.tls = tls;
    }

    /**
     * Fetches a URL.
     *
     * @throws IOException where it is not reached in time, not answered with 200, longer than {@link #MOST_BYTES}, or
     *     at an address that is not public; the message says which.
     */
    public Fetched get(URI url) throws IOException {
        long sentMs = System.currentTimeMillis();
        long deadlineNs = System.nanoTime() + mostMs * 1_000_000;
        URI at;
        try {
            at = SourcePolicy.requireWeb(url);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
            WebAnswer answer = WebAnswer.get(at, address(at, deadlineNs), tls, MOST_BYTES, deadlineNs);
            if (answer.status() == 200) {
                return new Fetched(at, answer.body(), answer.certificateHash(), sentMs, System.currentTimeMillis());
            }
            if (!List.of(301, 302, 303, 307, 308).contains(answer.status()) || answer.location() == null) {
                throw new IOException(at + " answered " + answer.status() + ".");
            }
            at = redirected(at, answer.location());
        }
        throw new IOException(url + " redirects more than " + MOST_REDIRECTS + " times.");
    }

    private static URI redirected(URI from, String location) throws IOException {
        try {
            URI to = SourcePolicy.requireWeb(from.resolve(location));
            if (from.getScheme().equalsIgnoreCase("https") && !to.getScheme().equalsIgnoreCase("https")) {
                throw new IOException(from + " redirects from TLS to " + to + ", which has none.");
            }
            return to;
        } catch (IllegalArgumentException e) {
            throw new IOException(from + " redirects to what is no source: " + e.getMessage(), e);
        }
    }

    /**
     * A name's addresses, looked up on a thread of the system's: a lookup has no end of its own that anybody but the
     * source's name server sets, and keeps a virtual thread's carrier meanwhile.
     */
    private InetAddress[] resolved(String host, long deadlineNs) throws IOException {
        FutureTask<InetAddress[]> lookup = new FutureTask<>(() -> resolver.resolve(host));
        Thread.ofPlatform().daemon().name("source-lookup").start(lookup);
        try {
            return lookup.get(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new IOException("The name servers of " + host + " did not answer in time.", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException known ? known : new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while " + host + " was looked up.", e);
        }
    }

    /** The address that is connected to. One that is not public among a name's has none of them taken. */
    private InetAddress address(URI url, long deadlineNs) throws IOException {
        String host = url.getHost();
        InetAddress[] found = resolved(host.startsWith("[") ? host.substring(1, host.length() - 1) : host, deadlineNs);
        if (found.length == 0) {
            throw new IOException(host + " has no address.");
        }
        if (!mayBePrivate) {
            for (InetAddress one : found) {
                if (NetworkInterface.getByInetAddress(one) != null) {
                    throw new IOException(host + " is at " + one.getHostAddress()
                            + ", an address of this host, which lets itself in where it lets nobody else.");
                }
                if (!PublicAddresses.isPublic(one)) {
                    throw new IOException(host + " is at " + one.getHostAddress() + " (of "
                            + Arrays.stream(found)
                                    .map(InetAddress::getHostAddress)
                                    .toList()
                            + "), which is no public address: a source must not reach into a private network.");
                }
            }
        }
        return found[0];
    }
}
