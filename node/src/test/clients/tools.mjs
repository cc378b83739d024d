// OpenAI's own client with tools and forms of answers, against BASE.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'any', maxRetries: 0 });
const model = (await client.models.list()).data[0].id;
const messages = [{ role: 'user', content: 'How deep is the sea?' }];
const parameters = {
    type: 'object',
    properties: { metres: { type: 'integer', minimum: 0, maximum: 11000 } },
    required: ['metres'],
    additionalProperties: false,
};
const tools = [
    { type: 'function', function: { name: 'depth', description: 'Metres.', parameters, strict: true } },
    { type: 'function', function: { name: 'wait', parameters: { type: 'object', properties: {} } } },
];
const named = { type: 'function', function: { name: 'depth' } };

const whole = await client.chat.completions.create({
    model,
    messages,
    tools,
    tool_choice: named,
    temperature: 0,
    max_completion_tokens: 120,
});
assert.equal(whole.choices[0].finish_reason, 'tool_calls');
const [call] = whole.choices[0].message.tool_calls;
assert.equal(call.function.name, 'depth');
assert.ok(Number.isInteger(JSON.parse(call.function.arguments).metres));

const stream = client.chat.completions.stream({
    model,
    messages,
    tools,
    tool_choice: named,
    temperature: 0,
    max_completion_tokens: 120,
});
const final = await stream.finalChatCompletion();
assert.deepEqual(final.choices[0].message.tool_calls[0].function.arguments, call.function.arguments);
assert.equal(final.choices[0].finish_reason, 'tool_calls');

// The client's own loop: it calls the function and sends back what that gave.
let asked;
const runner = client.chat.completions.runTools(
    {
        model,
        messages,
        temperature: 0,
        max_completion_tokens: 90,
        tool_choice: named,
        tools: [
            {
                type: 'function',
                function: {
                    name: 'depth',
                    description: 'Metres.',
                    parameters,
                    parse: JSON.parse,
                    function: ({ metres }) => {
                        asked = metres;
                        return 'Deep.';
                    },
                },
            },
        ],
    },
    { maxChatCompletions: 2 },
);
await runner.done().catch(error => assert.match(String(error), /without producing|maximum|missing final/i));
assert.ok(Number.isInteger(asked));

const form = {
    type: 'json_schema',
    json_schema: {
        name: 'sea',
        strict: true,
        schema: {
            type: 'object',
            properties: { colour: { type: 'string', enum: ['blue', 'grey'] }, waves: { type: 'boolean' } },
            required: ['colour', 'waves'],
            additionalProperties: false,
        },
    },
};
const parsed = await client.chat.completions.parse({
    model,
    messages,
    temperature: 0,
    response_format: form,
    max_tokens: 60,
});
assert.ok(
    ['blue', 'grey'].includes(
        parsed.choices[0].message.parsed?.colour ?? JSON.parse(parsed.choices[0].message.content).colour,
    ),
);

await assert.rejects(
    client.chat.completions.create({
        model,
        messages,
        tools,
        tool_choice: { type: 'function', function: { name: 'no' } },
    }),
    error => error instanceof OpenAI.BadRequestError && error.param === 'tool_choice',
);
await assert.rejects(
    client.chat.completions.create({
        model,
        messages,
        response_format: {
            type: 'json_schema',
            json_schema: { name: 'n', schema: { type: 'object', properties: { a: { not: {} } } } },
        },
    }),
    error => error instanceof OpenAI.BadRequestError && /#\/properties\/a/.test(error.message),
);
console.log('tools: good');
