package io.plumbline.gpu.tensorrt;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.javacpp.Pointer;

/**
 * Frees TensorRT's objects, for which the bindings have no way: what C++ does at {@code delete} is a call through the
 * object's table of virtual functions, where its destructor stands at a known place. Tables are laid out as the
 * Itanium C++ ABI says, as on every system that TensorRT 10 has a shared object for. The places are those of NVIDIA's
 * headers, which are the same in every release from 10.0 to 10.16; a library of another major version is not loaded
 * ({@link TensorRt}).
 */
@SuppressWarnings("restricted")
final class CppObjects {
    /**
     * Place of the destructor that also frees, in the tables of classes that begin with it: all that derive from {@code
     * INoCopy}.
     */
    static final int FIRST = 1;

    /** The same in {@code nvonnxparser::IParser} of version 10, which has eight functions before its destructors. */
    static final int PARSER = 9;

    private static final AddressLayout POINTER =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(PARSER + 1, ValueLayout.ADDRESS));

    private CppObjects() {}

    /** Frees an object whose class derives from {@code INoCopy}; nothing where there is none. */
    static void delete(Pointer object) {
        delete(object, FIRST);
    }

    /** Frees an object whose destructor stands at this place of its table. */
    static void delete(Pointer object, int place) {
        if (TensorRt.isThere(object)) {
            delete(object.address(), place);
            object.setNull();
        }
    }

    static void delete(long address, int place) {
        MemorySegment object = MemorySegment.ofAddress(address).reinterpret(POINTER.byteSize());
        MemorySegment destructor = object.get(POINTER, 0).getAtIndex(ValueLayout.ADDRESS, place);
        try {
            Linker.nativeLinker()
                    .downcallHandle(destructor, FunctionDescriptor.ofVoid(ValueLayout.ADDRESS))
                    .invokeExact(object);
        } catch (Throwable e) {
            throw new IllegalStateException("An object of TensorRT's cannot be freed.", e);
        }
    }
}
