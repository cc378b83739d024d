// OpenAI's own client with API keys, over TLS: what it makes of refusals, and how long it waits. BASE KEY POOR
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [baseURL, apiKey, poor] = process.argv.slice(2);
const messages = [{ role: 'user', content: 'Tell me a story about a fox.' }];
const asked = { model: 'stories', messages, temperature: 0, max_tokens: 4 };

const wrong = new OpenAI({ baseURL, apiKey: 'sk-plumbline-wrong', maxRetries: 0 });
await assert.rejects(wrong.models.list(), error =>
  error instanceof OpenAI.AuthenticationError && error.code === 'invalid_api_key' && /^req_/.test(error.requestID));

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const first = await client.chat.completions.create(asked).withResponse();
assert.match(first.request_id, /^req_[0-9a-f]{32}$/);
assert.equal(first.response.headers.get('x-ratelimit-limit-requests'), '30');

// A minute's thirty are gone, and one comes back every two seconds.
let limited;
for (let i = 0; i < 40 && !limited; i++) {
  await client.chat.completions.create(asked).catch(error => { limited = error; });
}
assert.ok(limited instanceof OpenAI.RateLimitError, `${limited}`);
assert.equal(limited.code, 'rate_limit_exceeded');
const waitMs = Number(limited.headers.get('retry-after-ms'));
assert.ok(waitMs > 0 && waitMs <= 2000, `${waitMs} ms`);

// Its own retry waits as long as it is told: not its half second first, and then again.
const patient = new OpenAI({ baseURL, apiKey, maxRetries: 1 });
let sent = 0;
const began = performance.now();
await patient.withOptions({ fetch: (...what) => { sent++; return fetch(...what); } }).chat.completions.create(asked);
assert.equal(sent, 2, 'refused once, and answered then');
assert.ok(performance.now() - began > 600, `${performance.now() - began} ms`);

// A day's tokens do not come back in a moment, so it does not try.
sent = 0;
const exhausted = new OpenAI({ baseURL, apiKey: poor, maxRetries: 3, fetch: (...what) => { sent++; return fetch(...what); } });
await assert.rejects(exhausted.chat.completions.create(asked), error => error instanceof OpenAI.RateLimitError);
assert.equal(sent, 1);
console.log('openai-tenants: good');
