package io.plumbline.gpu.nvml;

import io.plumbline.inference.language.engine.Accelerator.Observation;
import io.plumbline.inference.language.engine.Accelerator.Severity;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Judges a GPU's state for a node that signs its answers. */
final class GpuFitness {
    /** CUDA that the kernels are compiled for, as {@link GpuState.Host#cuda} counts. */
    static final int NEEDED_CUDA = 13_000;

    static final String NEEDED_DRIVER = "580";

    private static final long MIB = 1L << 20;

    private static final long POWER_CAP = 0x4;
    private static final long HARDWARE_SLOWDOWN = 0x8;
    private static final long SOFTWARE_THERMAL = 0x20;
    private static final long HARDWARE_THERMAL = 0x40;
    private static final long POWER_BRAKE = 0x80;

    private static final int PROHIBITED = 2;
    private static final int EXCLUSIVE = 3;

    private final GpuState gpu;
    private final List<Observation> observed = new ArrayList<>();

    private GpuFitness(GpuState gpu) {
        this.gpu = gpu;
    }

    /** Everything about a host's GPUs, the driver first. */
    static List<Observation> of(GpuState.Host host) {
        List<Observation> all = new ArrayList<>();
        String found = "NVIDIA driver " + host.driver() + ", CUDA " + version(host.cuda()) + "; needed is CUDA "
                + version(NEEDED_CUDA);
        all.add(
                host.cuda() >= NEEDED_CUDA
                        ? new Observation(Severity.OK, "GPU driver", found, "")
                        : new Observation(
                                Severity.UNFIT,
                                "GPU driver",
                                found,
                                "install driver " + NEEDED_DRIVER
                                        + " or later, or on a data-centre GPU the package cuda-compat-13-0"));
        host.gpus().forEach(gpu -> all.addAll(new GpuFitness(gpu).judged()));
        return all;
    }

    private static String version(int cuda) {
        return cuda / 1000 + "." + cuda % 1000 / 10;
    }

    private String smi(String option) {
        return "sudo nvidia-smi -i " + gpu.index() + " " + option;
    }

    private void ok(String what, String found) {
        add(Severity.OK, what, found, "");
    }

    private void add(Severity severity, String what, String found, String mend) {
        observed.add(new Observation(severity, "GPU " + gpu.index() + " " + what, found, mend));
    }

    private List<Observation> judged() {
        ok(
                "device",
                gpu.name() + ", " + gpu.uuid()
                        + (gpu.memory() == null
                                ? ""
                                : ", " + gpu.memory().used() / MIB + " of "
                                        + gpu.memory().total() / MIB + " MiB used")
                        + (gpu.celsius() == null ? "" : ", " + gpu.celsius() + " C"));
        mig();
        ecc();
        rows();
        clocks();
        power();
        sharing();
        link();
        return observed;
    }

    private void mig() {
        if (Boolean.TRUE.equals(gpu.mig())) {
            add(
                    Severity.WARNING,
                    "MIG",
                    "on: a node has one instance of the GPU, and profiles are for whole ones",
                    "where nobody else uses it: " + smi("-mig 0"));
        }
    }

    private void ecc() {
        if (gpu.ecc() == null) {
            add(
                    Severity.WARNING,
                    "ECC",
                    "this GPU has none: a bit that flips makes an answer false, and false answers cost the stake",
                    "put up a small stake, or use a GPU that has ECC");
        } else if (!gpu.ecc().isOn()) {
            add(
                    Severity.WARNING,
                    "ECC",
                    "off: a bit that flips makes an answer false, and false answers cost the stake",
                    (gpu.ecc().isPending() ? "" : smi("-e 1") + ", then ") + "reset the GPU: " + smi("-r"));
        } else if (gpu.errors() == null) {
            ok("ECC", "on");
        } else {
            errors(gpu.errors());
        }
    }

    private void errors(GpuState.Errors errors) {
        String found = "on; since the driver was loaded " + errors.corrected() + " errors corrected and "
                + errors.uncorrected() + " not; " + errors.everUncorrected() + " not corrected in its life";
        if (errors.uncorrected() > 0) {
            add(
                    Severity.UNFIT,
                    "ECC",
                    found,
                    "stop what uses it and reset it: " + smi("-r") + "; where it comes again, replace it");
        } else if (errors.everUncorrected() > 0) {
            add(Severity.WARNING, "ECC", found, "watch the count, and replace the GPU where it grows");
        } else {
            ok("ECC", found);
        }
    }

    private void rows() {
        GpuState.Rows rows = gpu.rows();
        if (rows == null) {
            return;
        }
        String found =
                rows.corrected() + " rows remapped after corrected errors, " + rows.uncorrected() + " after others";
        if (rows.hasFailed()) {
            add(Severity.UNFIT, "memory rows", found + "; one could not be", "replace the GPU");
        } else if (rows.isPending()) {
            add(
                    Severity.UNFIT,
                    "memory rows",
                    found + "; one waits for a reset",
                    "stop what uses it and reset it: " + smi("-r"));
        } else {
            ok("memory rows", found);
        }
    }

    private void clocks() {
        String found = gpu.clocks() == null
                ? ""
                : "SM at " + gpu.clocks().sm() + " of " + gpu.clocks().mostSm() + " MHz, memory at "
                        + gpu.clocks().memory() + " of " + gpu.clocks().mostMemory();
        List<String> slowed = slowed();
        if (!slowed.isEmpty()) {
            add(
                    Severity.WARNING,
                    "clocks",
                    (found.isEmpty() ? "" : found + "; ") + "held down: " + String.join(", ", slowed),
                    "look at fans, air and power supply; nvidia-smi -q -d PERFORMANCE says more");
        } else if (!found.isEmpty()) {
            ok("clocks", found);
        }
    }

    /** Reasons that something is wrong for; a power cap is one where it was lowered, and idle clocks are none. */
    private List<String> slowed() {
        List<String> slowed = new ArrayList<>();
        long reasons = gpu.reasons() == null ? 0 : gpu.reasons();
        if ((reasons & HARDWARE_THERMAL) != 0 || (reasons & SOFTWARE_THERMAL) != 0) {
            slowed.add("too hot");
        }
        if ((reasons & POWER_BRAKE) != 0) {
            slowed.add("the power supply's brake");
        }
        boolean isSaid = (reasons & (HARDWARE_THERMAL | POWER_BRAKE)) != 0;
        if ((reasons & HARDWARE_SLOWDOWN) != 0 && !isSaid) {
            slowed.add("hardware slowdown");
        }
        return slowed;
    }

    private void power() {
        GpuState.Power power = gpu.power();
        if (power != null) {
            boolean isCapping = gpu.reasons() != null && (gpu.reasons() & POWER_CAP) != 0;
            String found = String.format(
                    Locale.ROOT,
                    "%d W used, cap %d W%s",
                    power.used() / 1000,
                    power.limit() / 1000,
                    isCapping ? ", which holds the clocks down now" : "");
            if (power.limit() < power.defaultLimit()) {
                add(
                        Severity.WARNING,
                        "power",
                        found + "; " + power.defaultLimit() / 1000 + " W is usual",
                        smi("-pl " + power.defaultLimit() / 1000));
            } else {
                ok("power", found);
            }
        }
        if (Boolean.FALSE.equals(gpu.persistence())) {
            add(
                    Severity.WARNING,
                    "persistence",
                    "off: the driver begins anew whenever nothing uses the GPU",
                    "sudo systemctl enable --now nvidia-persistenced, or " + smi("-pm 1"));
        }
    }

    private void sharing() {
        Integer mode = gpu.computeMode();
        if (mode != null && mode == PROHIBITED) {
            add(Severity.UNFIT, "compute mode", "prohibited: nothing may compute on it", smi("-c 0"));
        } else if (mode != null && mode == EXCLUSIVE && !gpu.processes().isEmpty()) {
            add(Severity.UNFIT, "compute mode", "one process at a time, and one is there", "end it, or " + smi("-c 0"));
        }
        if (!gpu.processes().isEmpty()) {
            add(
                    Severity.WARNING,
                    "processes",
                    "others compute on it: "
                            + gpu.processes().stream().map(GpuFitness::told).collect(Collectors.joining(", ")),
                    "end them, or give the node another GPU: --device N");
        }
    }

    private static String told(GpuState.Process one) {
        return "process " + one.pid() + (one.bytes() < 0 ? "" : " with " + one.bytes() / MIB + " MiB");
    }

    private void link() {
        GpuState.Link link = gpu.link();
        if (link == null) {
            return;
        }
        // An idle link is at a low generation to save power; its width stays.
        String found = "PCIe generation " + link.generation() + " of " + link.mostGeneration() + ", " + link.width()
                + " lanes of " + link.mostWidth();
        if (link.width() < link.mostWidth()) {
            add(Severity.WARNING, "link", found, "seat the card anew, or move it to a slot with all lanes");
        } else {
            ok("link", found);
        }
    }
}
