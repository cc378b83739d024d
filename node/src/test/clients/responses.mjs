// OpenAI's own client, its Responses API, against BASE.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'any', maxRetries: 0 });
const model = 'stories';
const input = 'Tell me a story about a fox.';

const whole = await client.responses.create({
    model,
    input,
    temperature: 0,
    max_output_tokens: 24,
    instructions: 'Be brief.',
});
assert.equal(whole.object, 'response');
assert.equal(whole.status, 'incomplete');
assert.equal(whole.incomplete_details.reason, 'max_output_tokens');
assert.ok(whole.output_text.length > 0);
assert.equal(whole.usage.output_tokens, 24);
assert.ok(whole.plumbline.receipt.length > 500, 'a receipt beside the answer');

const types = [];
let pieces = '';
let last;
const events = await client.responses.create({
    model,
    input,
    temperature: 0,
    max_output_tokens: 24,
    instructions: 'Be brief.',
    stream: true,
});
for await (const event of events) {
    assert.equal(event.sequence_number, types.length);
    types.push(event.type);
    if (event.type === 'response.output_text.delta') pieces += event.delta;
    last = event;
}
assert.deepEqual(
    types.filter(type => type !== 'response.output_text.delta'),
    [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.done',
        'response.content_part.done',
        'response.output_item.done',
        'response.incomplete',
    ],
);
assert.equal(pieces, whole.output_text);
assert.equal(last.response.output[0].content[0].text, whole.output_text);
assert.equal(
    (
        await client.responses
            .stream({ model, input, temperature: 0, max_output_tokens: 24, instructions: 'Be brief.' })
            .finalResponse()
    ).output_text,
    whole.output_text,
);

const tools = [
    {
        type: 'function',
        name: 'depth',
        strict: true,
        parameters: {
            type: 'object',
            properties: { metres: { type: 'integer', minimum: 0, maximum: 99 } },
            required: ['metres'],
            additionalProperties: false,
        },
    },
];
const called = await client.responses.create({
    model,
    input,
    tools,
    tool_choice: 'required',
    temperature: 0,
    max_output_tokens: 120,
    parallel_tool_calls: false,
});
assert.equal(called.status, 'completed');
const call = called.output.find(item => item.type === 'function_call');
assert.equal(call.name, 'depth');
assert.ok(Number.isInteger(JSON.parse(call.arguments).metres));
const streamed = await client.responses
    .stream({
        model,
        input,
        tools,
        tool_choice: 'required',
        temperature: 0,
        max_output_tokens: 120,
        parallel_tool_calls: false,
    })
    .finalResponse();
assert.equal(streamed.output.find(item => item.type === 'function_call').arguments, call.arguments);
const told = await client.responses.create({
    model,
    tools,
    temperature: 0,
    max_output_tokens: 8,
    input: [
        { role: 'user', content: [{ type: 'input_text', text: input }] },
        call,
        { type: 'function_call_output', call_id: call.call_id, output: 'Deep.' },
    ],
});
assert.ok(told.usage.output_tokens > 0 && told.usage.output_tokens <= 8);

const form = await client.responses.create({
    model,
    input,
    temperature: 0,
    max_output_tokens: 40,
    text: {
        format: {
            type: 'json_schema',
            name: 'sea',
            strict: true,
            schema: {
                type: 'object',
                properties: { calm: { type: 'boolean' } },
                required: ['calm'],
                additionalProperties: false,
            },
        },
    },
});
assert.equal(typeof JSON.parse(form.output_text).calm, 'boolean');

await assert.rejects(client.responses.create({ model: 'gpt-9', input }), OpenAI.NotFoundError);
await assert.rejects(
    client.responses.create({ model, input, previous_response_id: 'resp_1' }),
    error => error instanceof OpenAI.BadRequestError && error.param === 'previous_response_id',
);
console.log('responses: good');
