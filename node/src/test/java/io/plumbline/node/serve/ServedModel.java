package io.plumbline.node.serve;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/** The model that ships, served by this process, with a chat template that knows tools. */
record ServedModel(Path model, ReceiptLog log, LocalServer server) implements AutoCloseable {
    /** Calls as Hermes and Qwen have them, in the control tokens of the model that ships. */
    private static final String TEMPLATE =
            "{% if tools %}<|user|>Tools:{% for tool in tools %} {{ tool.function.name }}"
                    + "{% endfor %}. Call as <tool_call>{\"name\": , \"arguments\": }</tool_call><|end|>{% endif %}"
                    + "{% for m in messages %}"
                    + "{% if m.role == 'tool' %}<|user|><tool_response>{{ m.name }}: {{ m.content }}"
                    + "</tool_response><|end|>"
                    + "{% elif m.tool_calls %}<|assistant|>{{ m.content }}{% for call in m.tool_calls %}<tool_call>\n"
                    + "{{ call.function | tojson }}\n</tool_call>{% endfor %}<|end|>"
                    + "{% elif m.role != 'system' %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
                    + "{% if add_generation_prompt %}<|assistant|>{% endif %}";

    /** @param folder for the model and its receipts. */
    static ServedModel start(Path folder) throws IOException {
        return start(folder, TEMPLATE);
    }

    /** The same with another template. */
    static ServedModel start(Path folder, String template) throws IOException {
        Path model;
        try (LoadedModel loaded = TestModels.shippedWith(template, folder)) {
            model = loaded.folder();
        }
        KeyPair keys = KeyPair.random();
        ReceiptLog log = new ReceiptLog(folder.resolve("serve"));
        LanguageEngine language = new LanguageEngine(
                model,
                ComputeBackend.Choice.cpu(1, 64 << 20),
                LoadedModel::layers,
                keys,
                0,
                null,
                new Events(new PrintStream(PrintStream.nullOutputStream())));
        LocalServer server = LocalServer.launch(
                LocalModels.of("stories", model, language),
                keys,
                log,
                new FileSources(List.of()),
                new ApiServer.Place("localhost", 0, Origins.LOCAL),
                Throwable::printStackTrace);
        return new ServedModel(model, log, server);
    }

    /** Where its API begins. */
    String base() {
        return "http://localhost:" + server.port() + "/v1";
    }

    @Override
    public void close() {
        server.close();
    }
}
