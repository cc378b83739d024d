package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.model.LoadedModel;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.function.DoubleConsumer;

/**
 * A kind of device that can run models. Found by {@link ServiceLoader}: an inference node has such plug-ins on its
 * class path, a full node never does.
 */
public interface Accelerator {
    /**
     * What is there.
     *
     * @param devices by index; empty when there are none.
     * @param why one line on why there are none, or null.
     */
    record Found(List<Device> devices, String why) {}

    /**
     * What a device can do at most, measured, and beside it what its maker says.
     *
     * @param bytesPerSecond read from its memory.
     * @param int8OperationsPerSecond of matrix products, by the instruction that ours use; a multiplication and an
     *     addition are two.
     * @param int8Peak the same by the device's fastest instruction, where it has another.
     * @param datasheetBytesPerSecond of the maker, or NaN where it is not known.
     * @param datasheetInt8 of the maker, without sparsity, or NaN.
     */
    record Rates(
            double bytesPerSecond,
            double int8OperationsPerSecond,
            double int8Peak,
            double datasheetBytesPerSecond,
            double datasheetInt8) {}

    /**
     * Time of the launches of one kernel.
     *
     * @param shape of what it works on, for people; launches of one kernel over other shapes stand by themselves.
     * @param seconds of all {@code launches} together.
     * @param bytes of weights that they read, 0 where they read none.
     * @param operations int8 ones of theirs, a multiplication and an addition being two; 0 where they have none.
     */
    record KernelTime(String kernel, String shape, int launches, double seconds, long bytes, long operations) {}

    /** Runs the model with every kernel timed, one after the other: slower than it is served. */
    interface KernelRun extends AutoCloseable {
        /** To run it by; its owner stays this. */
        Executor executor();

        /** The kernels that ran since the last call, in the order of first launches. */
        List<KernelTime> take();

        @Override
        void close();
    }

    /** How well something suits, from well to not at all. */
    enum Severity {
        OK,
        /** It works, slower or with less margin than it should. */
        WARNING,
        /** A node would not start, or sign what is wrong. */
        UNFIT
    }

    /**
     * One thing about a device as its driver tells it.
     *
     * @param what was looked at, in one or two words.
     * @param found what it is, in a sentence.
     * @param mend the command or the step that mends it; empty where nothing is to be mended.
     */
    record Observation(Severity severity, String what, String found, String mend) {}

    /** For people: "CUDA". */
    String kind();

    /**
     * Names the device that will be asked for, before the first {@link #find}: a driver shows a process one MIG
     * instance at most, which has to be named first. Any other name changes nothing, nor does a later call.
     *
     * @param device as {@link Device#isName} takes it, or any other word.
     */
    default void select(String device) {}

    /** Looks for devices. Quick, and never fails: what is wrong is told in {@link Found#why}. */
    Found find();

    /** The state of the devices, for an operator. Quick, and never fails: what cannot be asked is told in a line. */
    default List<Observation> observe() {
        return List.of();
    }

    /**
     * Loads a model onto a device.
     *
     * @param layers to run, usually the model's own.
     * @param progress told the share of the weights that is there, 0 to 1.
     * @throws RuntimeException saying what is missing, before anything is taken, when the device cannot run it.
     */
    Loaded load(int device, LoadedModel model, List<LoadedModel.Layer> layers, DoubleConsumer progress)
            throws IOException;

    /** A model on a device. */
    interface Loaded extends AutoCloseable {
        /** How much at once suits this device, and the memory for keys and values that is left. */
        Engine.Limits limits();

        /**
         * Runs the model. Several may, each with memory of its own to work in.
         *
         * @param rows most rows in a batch.
         * @param maxSequences most sequences in a batch.
         */
        Executor executor(int rows, int maxSequences);

        /** Like {@link #executor}, to see where the time goes. */
        KernelRun kernelTimes(int rows, int maxSequences);

        /**
         * What is asked whether the device has failed, while it computes. The caller closes it.
         *
         * @throws IOException in a line why nothing can be asked on this host.
         */
        DeviceHealth health() throws IOException;

        /** Measures the device itself, in a second or so. */
        Rates rates();

        @Override
        void close();
    }

    /** In one line what an operator writes in place of a device's index, or null where the word is none of one. */
    static String warning(String device) {
        return all().stream()
                .map(one -> Device.warning(one.find().devices(), device))
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    /** All plug-ins on the class path. */
    static List<Accelerator> all() {
        return ServiceLoader.load(Accelerator.class).stream()
                .map(ServiceLoader.Provider::get)
                .toList();
    }
}
