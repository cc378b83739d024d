package io.plumbline.inference.tensor;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tensor.TensorSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Puts the tensors of several requests together along the model's batch dimension, wherever it stands, and takes
 * outputs apart again.
 */
final class Batches {
    private final TensorManifest manifest;
    private final String dimension;

    /** @param manifest of a model with a batch dimension. */
    Batches(TensorManifest manifest) {
        this.manifest = manifest;
        this.dimension = manifest.batchDimension();
    }

    /** Whether a model has a batch dimension, and none of its tensors has elements of uneven size. */
    static boolean arePossible(TensorManifest manifest) {
        boolean isEven = manifest.inputs().stream().noneMatch(input -> input.type() == ElementType.BYTES)
                && manifest.outputs().stream().noneMatch(output -> output.type() == ElementType.BYTES);
        return isEven && manifest.batchDimension() != null;
    }

    private static Tensor find(List<Tensor> tensors, String name) {
        return tensors.stream()
                .filter(tensor -> tensor.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** A request that fits another: its rows, and the other's inputs that have none. */
    static List<Tensor> alike(TensorManifest manifest, List<Tensor> one, List<Tensor> other) {
        List<Tensor> alike = new ArrayList<>();
        for (TensorSpec spec : manifest.inputs()) {
            boolean hasRows = spec.axis(manifest.batchDimension()) >= 0;
            alike.add(find(hasRows ? other : one, spec.name()));
        }
        return alike;
    }

    /** Whether two requests' inputs differ in nothing but their rows. */
    boolean fit(List<Tensor> one, List<Tensor> other) {
        for (TensorSpec spec : manifest.inputs()) {
            Tensor a = find(one, spec.name());
            Tensor b = find(other, spec.name());
            int axis = spec.axis(dimension);
            if (axis < 0
                    ? !Arrays.equals(a.shape(), b.shape()) || !Arrays.equals(a.data(), b.data())
                    : !Arrays.equals(but(a.shape(), axis), but(b.shape(), axis))) {
                return false;
            }
        }
        return true;
    }

    private static long[] but(long[] shape, int axis) {
        long[] rest = shape.clone();
        rest[axis] = 0;
        return rest;
    }

    /** One request of all these, which {@link #fit} each other. */
    List<Tensor> together(List<List<Tensor>> requests) {
        List<Tensor> together = new ArrayList<>();
        for (TensorSpec spec : manifest.inputs()) {
            List<Tensor> parts =
                    requests.stream().map(request -> find(request, spec.name())).toList();
            int axis = spec.axis(dimension);
            together.add(axis < 0 ? parts.getFirst() : concatenate(parts, axis));
        }
        return together;
    }

    /** The outputs of each request: {@code rows} of each, in order. */
    List<List<Tensor>> apart(List<Tensor> outputs, int[] rows) {
        List<List<Tensor>> apart = new ArrayList<>();
        for (int i = 0; i < rows.length; i++) {
            apart.add(new ArrayList<>());
        }
        for (Tensor output : outputs) {
            int from = 0;
            for (int i = 0; i < rows.length; i++) {
                apart.get(i).add(slice(output, manifest.output(output.name()).axis(dimension), from, rows[i]));
                from += rows[i];
            }
        }
        return apart;
    }

    /** Rows {@code from} to {@code from + count} along an axis. */
    static Tensor slice(Tensor tensor, int axis, int from, int count) {
        long[] shape = tensor.shape().clone();
        if (axis >= shape.length || shape[axis] < from + count) {
            throw new IllegalArgumentException("Output \"" + tensor.name() + "\" of shape " + Arrays.toString(shape)
                    + " has no rows " + from + " to " + (from + count) + " along dimension " + axis + ".");
        }
        int outer = product(shape, 0, axis);
        int inner = product(shape, axis + 1, shape.length) * tensor.type().bytes();
        int stride = (int) shape[axis] * inner;
        byte[] data = new byte[outer * count * inner];
        for (int i = 0; i < outer; i++) {
            System.arraycopy(tensor.data(), i * stride + from * inner, data, i * count * inner, count * inner);
        }
        shape[axis] = count;
        return new Tensor(tensor.name(), tensor.type(), shape, data);
    }

    static Tensor concatenate(List<Tensor> parts, int axis) {
        Tensor first = parts.getFirst();
        long[] shape = first.shape().clone();
        shape[axis] = parts.stream().mapToLong(part -> part.shape()[axis]).sum();
        int outer = product(shape, 0, axis);
        int inner = product(shape, axis + 1, shape.length) * first.type().bytes();
        int stride = (int) shape[axis] * inner;
        byte[] data = new byte[outer * stride];
        int at = 0;
        for (Tensor part : parts) {
            int bytes = (int) part.shape()[axis] * inner;
            for (int i = 0; i < outer; i++) {
                System.arraycopy(part.data(), i * bytes, data, i * stride + at, bytes);
            }
            at += bytes;
        }
        return new Tensor(first.name(), first.type(), shape, data);
    }

    private static int product(long[] shape, int from, int to) {
        long product = 1;
        for (int i = from; i < to; i++) {
            product *= shape[i];
        }
        return Math.toIntExact(product);
    }
}
