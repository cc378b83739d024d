package io.plumbline.benchmarks.sessions;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.plumbline.benchmarks.load.Line;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;

/** A call of gRPC that streams both ways, over Netty on loopback, with bytes in place of messages of its own. */
final class GrpcEcho implements Line {
    private static final int ANSWERS = 1 << 16;
    private static final int MAX_BYTES = 64 << 20;
    private static final VarHandle NUMBER = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final MethodDescriptor<byte[], byte[]> ECHO = MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
            .setFullMethodName("echo/Echo")
            .setRequestMarshaller(new Bytes())
            .setResponseMarshaller(new Bytes())
            .build();

    private final ManyToOneConcurrentArrayQueue<Long> answers = new ManyToOneConcurrentArrayQueue<>(ANSWERS);
    private final Server server;
    private final ManagedChannel channel;
    private final ClientCallStreamObserver<byte[]> call;

    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Sees nothing of a stream but its messages. */
    private interface Messages extends StreamObserver<byte[]> {
        @Override
        default void onError(Throwable why) {
            // The driver sees that no answers come any more.
        }

        @Override
        default void onCompleted() {
            // Both sides are in this process, and end together.
        }
    }

    GrpcEcho() throws IOException {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        server = NettyServerBuilder.forAddress(any)
                .directExecutor()
                .maxInboundMessageSize(MAX_BYTES)
                .addService(ServerServiceDefinition.builder("echo")
                        .addMethod(ECHO, ServerCalls.asyncBidiStreamingCall(responses -> (Messages) responses::onNext))
                        .build())
                .build()
                .start();
        channel = NettyChannelBuilder.forAddress(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getPort()))
                .directExecutor()
                .usePlaintext()
                .maxInboundMessageSize(MAX_BYTES)
                .build();
        call = (ClientCallStreamObserver<byte[]>) ClientCalls.asyncBidiStreamingCall(
                channel.newCall(ECHO, CallOptions.DEFAULT),
                (Messages) message -> answers.offer((long) NUMBER.get(message, Echo.NUMBER_OFFSET)));
    }

    @Override
    public boolean offer(DirectBuffer buffer, int length) {
        if (!call.isReady()) {
            return false;
        }
        byte[] message = new byte[length];
        buffer.getBytes(0, message);
        call.onNext(message);
        return true;
    }

    @Override
    public int poll(Heard heard) {
        return Echo.drain(answers, heard);
    }

    @Override
    public void close() {
        channel.shutdownNow();
        server.shutdownNow();
    }
}
