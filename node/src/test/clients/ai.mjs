// Vercel's AI SDK with its provider for compatible endpoints, against BASE.
import assert from 'node:assert/strict';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';

const provider = createOpenAICompatible({ name: 'plumbline', baseURL: process.argv[2], includeUsage: true });
const { data } = await (await fetch(process.argv[2] + '/models')).json();
const model = provider(data[0].id);
const prompt = 'Tell me a story about a fox.';

const whole = await generateText({ model, prompt, temperature: 0, maxOutputTokens: 24, maxRetries: 0 });
assert.ok(whole.text.length > 0);
assert.equal(whole.finishReason, 'length');
assert.equal(whole.usage.outputTokens, 24);

const stream = streamText({ model, prompt, temperature: 0, maxOutputTokens: 24, maxRetries: 0 });
let text = '';
for await (const piece of stream.textStream) text += piece;
assert.equal(text, whole.text);
assert.equal((await stream.usage).outputTokens, 24);

await assert.rejects(generateText({ model: provider('gpt-9'), prompt, maxRetries: 0 }), error => error.statusCode === 404);
console.log('ai: good');
