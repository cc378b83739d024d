// Drops files on the Verify page, in as little of a browser as it needs, and reads the checks that it lists.
import assert from 'node:assert';
import { generateKeyPairSync, sign } from 'node:crypto';
import { pathToFileURL } from 'node:url';

class Node {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, listeners: {}, children: [], dataset: {} });
    this.classList = { add() {}, remove() {} };
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  contains() {
    return false;
  }
  all(tag) {
    const below = this.children.filter((child) => child instanceof Node);
    return [...below.filter((child) => child.tag === tag), ...below.flatMap((child) => child.all(tag))];
  }
  get text() {
    return this.textContent ?? this.children.map((child) => child.text ?? child).join('');
  }
}
const said = new Node('p');
globalThis.Node = Node;
globalThis.document = {
  createElement: (tag) => new Node(tag),
  getElementById: () => said,
  querySelectorAll: () => [],
};

const page = (file) => import(new URL(file, pathToFileURL(`${process.argv[2]}/`)));
const { hash } = await page('js/blake3.js');
const { build } = await page('verify.js');

const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const int = (value) => {
  const four = Buffer.alloc(4);
  four.writeInt32LE(value);
  return four;
};
const long = (value) => {
  const eight = Buffer.alloc(8);
  eight.writeBigInt64LE(value);
  return eight;
};

const keys = generateKeyPairSync('ed25519');
const key = keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);

/** A receipt of a tensor model's, whatever its node would like to sign. */
function receipt(model, request, answer) {
  const signed = bytes(
    'PRC1', int(65536), model, hash(request), hash(answer), Buffer.alloc(32), long(0n), int(-5), int(0), long(-1n), key);
  return bytes(signed, sign(null, signed, keys.privateKey));
}

/** What the page says of each check by its name, of a file with this in it. */
async function drop(json) {
  const { element } = build();
  const [input] = element.all('input');
  input.files = [Object.assign(new Blob([JSON.stringify(json)]), { name: 'answer.json' })];
  input.listeners.change();
  for (let i = 0; i < 500 && element.all('section').length < 2; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const checks = element.all('li').filter((one) => one.children.length === 3);
  return Object.fromEntries(checks.map((one) => [one.children[0].text, [one.attributes.class, one.children[2].text]]));
}

const model = Buffer.alloc(32, 0xaa);
const request = bytes('PTQ1', Buffer.alloc(32, 0xbb), 'garbage');
const answer = Buffer.from('more of it');
const given = (asked) => ({
  request: Buffer.from(asked).toString('base64'),
  answer: answer.toString('base64'),
  node: key.toString('hex'),
  receipt: receipt(model, asked, answer).toString('hex'),
});
const chat = { choices: [{ message: { role: 'assistant', content: 'LIE' } }] };

const other = await drop({ ...chat, plumbline: given(request) });
assert.deepEqual(other.MODEL, ['bad', 'does not hold']);
assert.equal(other.FORM[0], 'off');
assert.match(other.FORM[1], /were not decoded/);

const own = bytes('PTQ1', model, 'garbage');
const lie = await drop({ ...chat, plumbline: given(own) });
assert.deepEqual(lie.MODEL, ['good', 'holds']);
assert.deepEqual(lie.STOP, ['off', 'not compared: a tensor model’s']);
assert.deepEqual(lie.TEXT, ['bad', 'does not hold']);
const call = { choices: [{ message: { tool_calls: [{ function: { name: 'pay', arguments: '{}' } }] } }] };
assert.deepEqual((await drop({ ...call, plumbline: given(own) })).TEXT, ['bad', 'does not hold']);

const plain = await drop({ outputs: [], plumbline: given(own) });
assert.deepEqual(
  Object.entries(plain).map(([name, [state]]) => `${name} ${state}`),
  ['FORM off', 'SIGNATURE good', 'NODE good', 'MODEL good', 'REQUEST good', 'OUTPUT good', 'STOP off', 'TEXT off']);

const cut = await drop({ plumbline: given(own.subarray(0, 35)) });
assert.deepEqual(cut.FORM, ['bad', 'does not hold']);
console.log('verify: good');
process.exit(0);
