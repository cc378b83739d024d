package io.plumbline.inference.tensor.speech;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.sound.sampled.AudioFormat;
import javax.sound.sampled.AudioInputStream;
import javax.sound.sampled.AudioSystem;
import javax.sound.sampled.UnsupportedAudioFileException;

/**
 * Sound as a voice model takes it.
 *
 * @param samples mono, -1 to 1, {@link #RATE} a second.
 */
public record Recording(float[] samples) {
    /** Samples a second. */
    public static final int RATE = 16_000;

    /** Reads a WAV file of 16-bit samples; channels are averaged. */
    public static Recording read(Path file) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file));
                AudioInputStream sound = AudioSystem.getAudioInputStream(in)) {
            AudioFormat format = sound.getFormat();
            boolean isTaken = format.getEncoding() == AudioFormat.Encoding.PCM_SIGNED
                    && format.getSampleSizeInBits() == 16
                    && (int) format.getSampleRate() == RATE;
            if (!isTaken) {
                throw new IOException(file + " is " + format + ". 16-bit PCM at 16 kHz is taken; convert it: ffmpeg -i "
                        + file + " -ar 16000 -ac 1 -c:a pcm_s16le converted.wav");
            }
            byte[] bytes = sound.readAllBytes();
            ByteBuffer buffer =
                    ByteBuffer.wrap(bytes).order(format.isBigEndian() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
            int channels = format.getChannels();
            float[] samples = new float[bytes.length / (2 * channels)];
            for (int i = 0; i < samples.length; i++) {
                float sum = 0;
                for (int channel = 0; channel < channels; channel++) {
                    sum += buffer.getShort();
                }
                samples[i] = sum / channels / 32768f;
            }
            return new Recording(samples);
        } catch (UnsupportedAudioFileException e) {
            throw new IOException(file + " is no sound file that can be read here: WAV files are.", e);
        }
    }

    /** Its length. */
    public double seconds() {
        return (double) samples.length / RATE;
    }
}
