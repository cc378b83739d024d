// Anthropic's own client, against BASE.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ baseURL: process.argv[2].replace(/\/v1$/, ''), apiKey: 'any', maxRetries: 0 });
const model = 'stories';
const messages = [{ role: 'user', content: 'Tell me a story about a fox.' }];

const whole = await client.messages.create({ model, messages, max_tokens: 24, temperature: 0, system: 'Be brief.' });
assert.equal(whole.type, 'message');
assert.equal(whole.content[0].type, 'text');
assert.equal(whole.stop_reason, 'max_tokens');
assert.equal(whole.usage.output_tokens, 24);
assert.ok(whole.plumbline.receipt.length > 500, 'a receipt beside the answer');

const stream = client.messages.stream({ model, messages, max_tokens: 24, temperature: 0, system: 'Be brief.' });
let heard = '';
stream.on('text', piece => {
    heard += piece;
});
const final = await stream.finalMessage();
assert.equal(final.content[0].text, whole.content[0].text);
assert.equal(heard, whole.content[0].text);
assert.equal(final.stop_reason, 'max_tokens');
assert.equal(final.usage.output_tokens, 24);

const word = whole.content[0].text.trim().split(/\s+/)[3];
const stopped = await client.messages.create({
    model,
    messages,
    max_tokens: 24,
    temperature: 0,
    stop_sequences: [word],
    system: 'Be brief.',
});
assert.equal(stopped.stop_reason, 'stop_sequence');
assert.equal(stopped.stop_sequence, word);

const counted = await client.messages.countTokens({ model, messages, system: 'Be brief.' });
assert.equal(counted.input_tokens, whole.usage.input_tokens);

const tools = [
    {
        name: 'depth',
        description: 'Metres.',
        input_schema: {
            type: 'object',
            properties: { metres: { type: 'integer', minimum: 0, maximum: 99 } },
            required: ['metres'],
            additionalProperties: false,
        },
    },
];
const options = {
    model,
    messages,
    tools,
    tool_choice: { type: 'tool', name: 'depth' },
    max_tokens: 120,
    temperature: 0,
};
const called = await client.messages.create(options);
assert.equal(called.stop_reason, 'tool_use');
const use = called.content.find(block => block.type === 'tool_use');
assert.equal(use.name, 'depth');
assert.ok(Number.isInteger(use.input.metres));
const streamed = await client.messages.stream(options).finalMessage();
assert.deepEqual(streamed.content.find(block => block.type === 'tool_use').input, use.input);
const told = await client.messages.create({
    model,
    tools,
    max_tokens: 8,
    temperature: 0,
    messages: [
        ...messages,
        { role: 'assistant', content: called.content },
        {
            role: 'user',
            content: [
                { type: 'tool_result', tool_use_id: use.id, content: 'Deep.' },
                { type: 'text', text: 'So?' },
            ],
        },
    ],
});
assert.ok(told.usage.output_tokens > 0 && told.usage.output_tokens <= 8);

const controller = new AbortController();
await assert.rejects(async () => {
    const endless = client.messages.stream(
        { model, messages, max_tokens: 400, temperature: 1 },
        { signal: controller.signal },
    );
    for await (const event of endless) if (event.type === 'content_block_delta') controller.abort();
    throw new Anthropic.APIUserAbortError();
}, Anthropic.APIUserAbortError);

await assert.rejects(
    client.messages.create({ model: 'claude', messages, max_tokens: 4 }),
    error => error instanceof Anthropic.NotFoundError && error.error.error.type === 'not_found_error',
);
await assert.rejects(client.messages.create({ model, messages: [], max_tokens: 4 }), Anthropic.BadRequestError);
await assert.rejects(
    client.messages.create({
        model,
        max_tokens: 4,
        messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }],
    }),
    error => error instanceof Anthropic.BadRequestError && /image/.test(error.message),
);
await assert.rejects(
    client.messages.create({ model, messages, max_tokens: 2000, thinking: { type: 'enabled', budget_tokens: 1024 } }),
    error => error instanceof Anthropic.BadRequestError && /thinking/.test(error.message),
);
console.log('anthropic: good');
