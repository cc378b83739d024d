// Asks llama.cpp what it says next: node greedy.mjs FILE COUNT TOKENS. Prints the COUNT greedy tokens after the prompt's,
// which stand apart by commas, as a JSON array.
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [file, count, prompt] = process.argv.slice(2);
const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: 1});
const model = await llama.loadModel({modelPath: file});
const context = await model.createContext({contextSize: 256, batchSize: 256, flashAttention: false});
const tokens = [];
for await (const token of context.getSequence().evaluate(prompt.split(",").map(Number), {temperature: 0, yieldEogToken: true})) {
    tokens.push(token);
    if (tokens.length === Number(count)) break;
}
console.log(JSON.stringify(tokens));
await llama.dispose();
