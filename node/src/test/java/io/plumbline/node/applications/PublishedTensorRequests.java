package io.plumbline.node.applications;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The requests that KServe publishes as examples of the Open Inference Protocol, version 2, and Triton as those of its
 * binary tensor extension: a model {@code mymodel} with UINT32 input0 [2, 2], BOOL input1 [3] and FP32 output0 [3, 2].
 */
final class PublishedTensorRequests {
    private static final String JSON_LENGTH = "Inference-Header-Content-Length";
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final float[] EXPECTED = {4, 6, 0, 0, 4, 6};

    private final HttpClient http;
    private final String url;

    private PublishedTensorRequests(HttpClient http, String url) {
        this.http = http;
        this.url = url;
    }

    /** Sends all of them. */
    static void check(String url) throws Exception {
        try (HttpClient http = HttpClient.newHttpClient()) {
            PublishedTensorRequests requests = new PublishedTensorRequests(http, url);
            requests.serverAndModel();
            requests.json();
            requests.binary();
            requests.allOutputsBinary();
        }
    }

    private void serverAndModel() throws Exception {
        assertEquals(200, get("/v2/health/live").statusCode());
        assertEquals(200, get("/v2/health/ready").statusCode());
        assertEquals(200, get("/v2/models/mymodel/ready").statusCode());
        JsonNode metadata = MAPPER.readTree(get("/v2/models/mymodel").body());
        assertEquals(
                "[{\"name\":\"input0\",\"datatype\":\"UINT32\",\"shape\":[2,2]},"
                        + "{\"name\":\"input1\",\"datatype\":\"BOOL\",\"shape\":[3]}]",
                metadata.path("inputs").toString());
        assertEquals(
                "[{\"name\":\"output0\",\"datatype\":\"FP32\",\"shape\":[3,2]}]",
                metadata.path("outputs").toString());
    }

    /** KServe's example has one value for an input of three, which the protocol does not allow. */
    private void json() throws Exception {
        String request = """
                {
                  "id" : "42",
                  "inputs" : [
                    {
                      "name" : "input0",
                      "shape" : [ 2, 2 ],
                      "datatype" : "UINT32",
                      "data" : [ 1, 2, 3, 4 ]
                    },
                    {
                      "name" : "input1",
                      "shape" : [ 3 ],
                      "datatype" : "BOOL",
                      "data" : [ %s ]
                    }
                  ],
                  "outputs" : [
                    {
                      "name" : "output0"
                    }
                  ]
                }
                """;
        HttpResponse<byte[]> tooShort = post(bytes(request.formatted("true")), "application/json", null);
        assertEquals(400, tooShort.statusCode());
        assertFalse(MAPPER.readTree(tooShort.body()).path("error").asText().isEmpty());

        HttpResponse<byte[]> answered = post(bytes(request.formatted("true, false, true")), "application/json", null);
        assertEquals(200, answered.statusCode(), text(answered));
        JsonNode json = MAPPER.readTree(answered.body());
        assertEquals("42", json.path("id").asText());
        assertEquals("mymodel", json.path("model_name").asText());
        JsonNode output = json.path("outputs").path(0);
        assertEquals("output0", output.path("name").asText());
        assertEquals("FP32", output.path("datatype").asText());
        assertEquals("[3,2]", output.path("shape").toString());
        float[] values = new float[output.path("data").size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) output.path("data").get(i).asDouble();
        }
        assertArrayEquals(EXPECTED, values);
    }

    private static final String BINARY = """
            {
              "model_name" : "mymodel",
              "inputs" : [
                {
                  "name" : "input0",
                  "shape" : [ 2, 2 ],
                  "datatype" : "UINT32",
                  "parameters" : {
                    "binary_data_size" : 16
                  }
                },
                {
                  "name" : "input1",
                  "shape" : [ 3 ],
                  "datatype" : "BOOL",
                  "parameters" : {
                    "binary_data_size" : 3
                  }
                }
              ],
              %s
            }
            """;

    private void binary() throws Exception {
        requireBinaryOutput(BINARY.formatted("""
                "outputs" : [
                    {
                      "name" : "output0",
                      "parameters" : {
                        "binary_data" : true
                      }
                    }
                  ]"""));
    }

    private void allOutputsBinary() throws Exception {
        requireBinaryOutput(BINARY.formatted("\"parameters\" : { \"binary_data_output\" : true }"));
    }

    private void requireBinaryOutput(String head) throws Exception {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.writeBytes(bytes(head));
        ByteBuffer numbers = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        body.writeBytes(numbers.putInt(1).putInt(2).putInt(3).putInt(4).array());
        body.writeBytes(new byte[] {1, 0, 1});
        HttpResponse<byte[]> answered =
                post(body.toByteArray(), "application/octet-stream", Integer.toString(bytes(head).length));
        assertEquals(200, answered.statusCode(), text(answered));
        assertEquals(
                "application/octet-stream",
                answered.headers().firstValue("Content-Type").orElseThrow());
        int length = Integer.parseInt(answered.headers().firstValue(JSON_LENGTH).orElseThrow());
        JsonNode output =
                MAPPER.readTree(answered.body(), 0, length).path("outputs").path(0);
        assertEquals(24, output.path("parameters").path("binary_data_size").asInt());
        assertTrue(output.path("data").isMissingNode());
        byte[] raw = Arrays.copyOfRange(answered.body(), length, answered.body().length);
        float[] values = new float[EXPECTED.length];
        ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        assertEquals(24, raw.length);
        assertArrayEquals(EXPECTED, values);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(HttpResponse<byte[]> response) {
        return new String(response.body(), StandardCharsets.UTF_8);
    }

    private HttpResponse<byte[]> get(String path) throws Exception {
        return http.send(
                HttpRequest.newBuilder(URI.create(url + path)).build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    /** @param jsonLength null where all of the body is JSON. */
    private HttpResponse<byte[]> post(byte[] body, String type, String jsonLength) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + "/v2/models/mymodel/infer"))
                .header("Content-Type", type)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        if (jsonLength != null) {
            request.header(JSON_LENGTH, jsonLength);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }
}
