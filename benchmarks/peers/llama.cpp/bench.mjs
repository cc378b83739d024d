// Measures llama.cpp on a GGUF file: node bench.mjs FILE THREADS PROMPT OUTPUT. Prints {"prefill": tokens/s, "decode": tokens/s}.
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [file, threads, prompt, output] = process.argv.slice(2);
const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: Number(threads)});
const model = await llama.loadModel({modelPath: file});
const context = await model.createContext({
    contextSize: Number(prompt) + Number(output) + 64,
    batchSize: Number(prompt),
    threads: {ideal: Number(threads), min: Number(threads)},
});
const sequence = context.getSequence();
const tokens = Array.from({length: Number(prompt)}, (_, i) => 300 + (i * 7919) % 20000);

async function prefill() {
    await sequence.clearHistory();
    const begin = process.hrtime.bigint();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens);
    return tokens.length / (Number(process.hrtime.bigint() - begin) / 1e9);
}

async function decode() {
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, 32));
    let count = -1; // the first token also pays for starting
    let begin;
    for await (const token of sequence.evaluate([tokens[33]], {temperature: 0, yieldEogToken: true})) {
        if (count++ < 0) begin = process.hrtime.bigint();
        if (count === Number(output)) break;
    }
    return count / (Number(process.hrtime.bigint() - begin) / 1e9);
}

const best = {prefill: 0, decode: 0};
for (let i = 0; i < 3; i++) {
    best.prefill = Math.max(best.prefill, await prefill());
    best.decode = Math.max(best.decode, await decode());
}
console.log(JSON.stringify(best));
await llama.dispose();
process.exit(0);
