// Clients of three makers with a model that reasons and then calls a tool, against BASE.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createOpenAI } from '@ai-sdk/openai';
import { jsonSchema, streamText, tool } from 'ai';
import OpenAI from 'openai';

const baseURL = process.argv[2];
const model = 'stories';
const messages = [{ role: 'user', content: 'How deep is it?' }];
const parameters = { type: 'object', properties: { sea: { type: 'string' }, unit: { type: 'string' } } };
const input = { sea: 'North', unit: 'm' };

const openai = new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0 });
const stream = openai.chat.completions.stream({
    model,
    messages,
    tools: [{ type: 'function', function: { name: 'depth', parameters } }],
    max_completion_tokens: 200,
});
let deltas = 0;
let reasoning = '';
// This client's own types have no reasoning, so its users read it off the deltas.
stream.on('chunk', chunk => {
    reasoning += chunk.choices[0]?.delta.reasoning_content ?? '';
});
stream.on('tool_calls.function.arguments.delta', () => deltas++);
const { message, finish_reason: finish } = (await stream.finalChatCompletion()).choices[0];
assert.equal(finish, 'tool_calls');
assert.equal(reasoning, 'I look it up.');
assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), input);
assert.ok(deltas > 2, `${deltas} pieces of arguments`);

const response = await openai.responses
    .stream({ model, input: messages, tools: [{ type: 'function', name: 'depth', parameters, strict: false }] })
    .finalResponse();
assert.deepEqual(response.output.map(item => item.type), ['reasoning', 'function_call']);
assert.equal(response.output[0].content[0].text, 'I look it up.');
assert.deepEqual(JSON.parse(response.output[1].arguments), input);
// Its output is the next request's input.
const next = await openai.responses.create({
    model,
    input: [
        ...messages,
        ...response.output,
        { type: 'function_call_output', call_id: response.output[1].call_id, output: '95 m' },
    ],
    tools: [{ type: 'function', name: 'depth', parameters, strict: false }],
});
assert.equal(next.output.length, 2);

const tools = { depth: tool({ description: 'Metres.', inputSchema: jsonSchema(parameters) }) };
for (const provided of [
    createOpenAICompatible({ name: 'plumbline', baseURL })(model),
    createOpenAI({ baseURL, apiKey: 'any' }).responses(model),
]) {
    const told = streamText({ model: provided, messages, tools, maxOutputTokens: 200, maxRetries: 0 });
    const parts = [];
    for await (const part of told.fullStream) parts.push(part);
    assert.equal(parts.find(part => part.type === 'error'), undefined);
    assert.deepEqual(parts.find(part => part.type === 'tool-call').input, input);
    if (provided.provider.startsWith('plumbline')) {
        const thought = parts.filter(part => part.type === 'reasoning-delta').map(part => part.text);
        assert.equal(thought.join(''), 'I look it up.');
    }
}

const anthropic = new Anthropic({ baseURL: baseURL.replace(/\/v1$/, ''), apiKey: 'any', maxRetries: 0 });
const blocks = await anthropic.messages
    .stream({ model, messages, max_tokens: 200, tools: [{ name: 'depth', input_schema: parameters }] })
    .finalMessage();
assert.equal(blocks.stop_reason, 'tool_use');
assert.deepEqual(blocks.content[0].input, input);
console.log('reasoning: good');
