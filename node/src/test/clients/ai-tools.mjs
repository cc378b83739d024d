// Vercel's AI SDK with tools and objects, by its three providers that have an API of ours, against BASE.
import assert from 'node:assert/strict';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, Output, jsonSchema, tool } from 'ai';

const baseURL = process.argv[2];
const providers = [
    createOpenAICompatible({ name: 'plumbline', baseURL, supportsStructuredOutputs: true }),
    createOpenAI({ baseURL, apiKey: 'any' }),
    createAnthropic({ baseURL, apiKey: 'any' }),
];
const schema = jsonSchema({
    type: 'object',
    properties: { metres: { type: 'integer', minimum: 0, maximum: 99 } },
    required: ['metres'],
    additionalProperties: false,
});
for (const provider of providers) {
    const model = provider('stories');
    const prompt = 'How deep is the sea?';
    const { toolCalls, finishReason } = await generateText({
        model,
        prompt,
        temperature: 0,
        maxOutputTokens: 120,
        maxRetries: 0,
        toolChoice: 'required',
        tools: { depth: tool({ description: 'Metres.', inputSchema: schema }) },
    });
    assert.equal(finishReason, 'tool-calls');
    assert.equal(toolCalls[0].toolName, 'depth');
    assert.ok(Number.isInteger(toolCalls[0].input.metres));
}
const { output } = await generateText({
    model: providers[0]('stories'),
    prompt: 'How deep?',
    temperature: 0,
    maxOutputTokens: 60,
    maxRetries: 0,
    output: Output.object({ schema }),
});
assert.ok(Number.isInteger(output.metres));
console.log('ai-tools: good');
