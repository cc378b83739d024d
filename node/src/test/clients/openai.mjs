// OpenAI's own client: what its users do, against BASE.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'any', maxRetries: 0 });
const messages = [{ role: 'user', content: 'Tell me a story about a fox.' }];

const models = await client.models.list();
const model = models.data[0].id;
assert.equal((await client.models.retrieve(model)).id, model);

const whole = await client.chat.completions.create({ model, messages, temperature: 0, max_completion_tokens: 24 });
assert.equal(whole.object, 'chat.completion');
assert.equal(whole.choices[0].message.role, 'assistant');
assert.equal(whole.choices[0].finish_reason, 'length');
assert.equal(whole.usage.completion_tokens, 24);
assert.ok(whole.plumbline.receipt.length > 500, 'a receipt beside the answer');

let pieces = '';
let role;
let finish;
let usage;
const stream = await client.chat.completions.create({
  model, messages, temperature: 0, max_tokens: 24, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  assert.equal(chunk.object, 'chat.completion.chunk');
  role ??= chunk.choices[0]?.delta.role;
  pieces += chunk.choices[0]?.delta.content ?? '';
  finish = chunk.choices[0]?.finish_reason ?? finish;
  usage = chunk.usage ?? usage;
}
assert.equal(role, 'assistant');
assert.equal(pieces, whole.choices[0].message.content);
assert.equal(finish, 'length');
assert.equal(usage.completion_tokens, 24);

const runner = client.chat.completions.stream({ model, messages, temperature: 0, max_tokens: 12 });
const heard = [];
runner.on('content', piece => heard.push(piece));
assert.equal(heard.join('') || (await runner.finalContent()), await runner.finalContent());

const several = await client.chat.completions.create({
  model, messages, n: 3, seed: 5, max_tokens: 8, stop: ['.'], logprobs: true, top_logprobs: 2,
});
assert.deepEqual(several.choices.map(choice => choice.index), [0, 1, 2]);
assert.equal(several.choices[0].logprobs.content[0].top_logprobs.length, 2);

const text = await client.completions.create({ model, prompt: ['Once', 'The fox'], max_tokens: 4, temperature: 0 });
assert.equal(text.object, 'text_completion');
assert.equal(text.choices.length, 2);

const aborting = new AbortController();
await assert.rejects(async () => {
  const endless = await client.chat.completions.create(
    { model, messages, temperature: 2, max_tokens: 400, stream: true }, { signal: aborting.signal });
  for await (const chunk of endless) {
    if (chunk.choices[0]?.delta.content) aborting.abort();
  }
  throw new OpenAI.APIUserAbortError();
}, OpenAI.APIUserAbortError);

await assert.rejects(client.chat.completions.create({ model: 'gpt-9', messages }), error =>
  error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
await assert.rejects(
  client.chat.completions.create({ model, messages, tools: [{ type: 'function', function: { name: 'f' } }] }),
  error => error instanceof OpenAI.BadRequestError && error.param === 'tools');
await assert.rejects(client.chat.completions.create({ model, messages: [] }), OpenAI.BadRequestError);
await assert.rejects(
  client.chat.completions.create({ model, messages: [{ role: 'user', content: 'fox '.repeat(4000) }] }),
  error => error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded');
console.log('openai: good');
