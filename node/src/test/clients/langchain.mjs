// LangChain's client for OpenAI, against BASE.
import assert from 'node:assert/strict';
import { HumanMessage, SystemMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';

const { data } = await (await fetch(process.argv[2] + '/models')).json();
const model = new ChatOpenAI({
  model: data[0].id, apiKey: 'any', temperature: 0, maxTokens: 24, maxRetries: 0,
  configuration: { baseURL: process.argv[2] },
});
const messages = [new SystemMessage('Be brief.'), new HumanMessage('Tell me a story about a fox.')];

const whole = await model.invoke(messages);
assert.ok(whole.content.length > 0);
assert.equal(whole.usage_metadata.output_tokens, 24);

let text = '';
for await (const chunk of await model.stream(messages)) text += chunk.content;
assert.equal(text, whole.content);

const [first, second] = await model.batch([messages, messages]);
assert.equal(first.content, second.content);
console.log('langchain: good');
