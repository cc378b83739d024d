package io.plumbline.inference.language.engine;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A device as its driver names it.
 *
 * @param name for people: "NVIDIA H200".
 * @param id that is this very device's, wherever it is plugged in: {@code GPU-} or, of a MIG instance, {@code MIG-} and
 *     a UUID.
 * @param bus PCI bus id, domain:bus:device.function in hexadecimal digits; of a MIG instance that of its GPU.
 */
public record Device(String name, String id, String bus) {
    private static final String UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
    private static final Pattern ID = Pattern.compile("(GPU|MIG)-" + UUID);
    private static final Pattern INDEX = Pattern.compile("\\d{1,4}");

    /** nvidia-smi shows a domain of eight digits, CUDA one of four, lspci none where it is 0. */
    private static final Pattern BUS =
            Pattern.compile("(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\\.([0-7])");

    /** Whether a word may name a device: an id, a PCI bus id, or an index. */
    public static boolean isName(String word) {
        return isIndex(word) || ID.matcher(word).matches() || BUS.matcher(word).matches();
    }

    private static boolean isIndex(String word) {
        return INDEX.matcher(word).matches();
    }

    /** Whether a word names a MIG instance, which a driver shows to a process that asks for it beforehand. */
    public static boolean isMig(String word) {
        return word.startsWith("MIG-") && ID.matcher(word).matches();
    }

    /**
     * The index of the device that a word names, the first where it names none.
     *
     * @param all of the host, by index.
     * @param word an id, a PCI bus id or an index; any other word is any device.
     * @throws IOException naming what is there, where that device is not.
     */
    public static int find(List<Device> all, String word) throws IOException {
        if (!isName(word)) {
            return 0;
        }
        if (isIndex(word) && Integer.parseInt(word) < all.size()) {
            return Integer.parseInt(word);
        }
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).isCalled(word)) {
                return i;
            }
        }
        String hidden = System.getenv("CUDA_VISIBLE_DEVICES");
        throw new IOException("There is no device " + word + ". This host has "
                + String.join(", ", all.stream().map(Device::toString).toList())
                + (isIndex(word) ? ", counted from 0" : "")
                + (hidden == null ? "." : "; CUDA_VISIBLE_DEVICES=" + hidden + " hides others."));
    }

    private boolean isCalled(String word) {
        return id.equalsIgnoreCase(word) || !bus.isEmpty() && plain(bus).equals(plain(word));
    }

    /** One form of a PCI bus id; another word as it is. */
    private static String plain(String word) {
        Matcher matcher = BUS.matcher(word);
        if (!matcher.matches()) {
            return word;
        }
        String domain = matcher.group(1) == null ? "0" : matcher.group(1);
        return (Long.toHexString(Long.parseLong(domain, 16)) + ":" + matcher.group(2) + ":" + matcher.group(3) + "."
                        + matcher.group(4))
                .toLowerCase(Locale.ROOT);
    }

    /** In one line what to write in place of the index of one of these devices, or null where the word is none. */
    static String warning(List<Device> all, String word) {
        return isIndex(word) && Integer.parseInt(word) < all.size()
                ? "--device " + word
                        + " is a place in an order that another card, slot or driver changes: write --device "
                        + all.get(Integer.parseInt(word)).id() + " for this GPU."
                : null;
    }

    @Override
    public String toString() {
        return name + " (" + id + ", " + bus + ")";
    }
}
