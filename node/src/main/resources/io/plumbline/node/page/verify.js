// Checks a receipt, an answer or a proof that is dropped here, in this browser, asking nobody.
import { hex } from './js/bytes.js';
import { isTensorReceipt, VerificationError, verifyProof, verifyReceipt } from './js/verifier.js';
import { badge, foreign, h, heading, panel, replace, say } from './dom.js';
import { number, short } from './format.js';
import { compare, shownTexts } from './shown.js';
import { serversNetwork } from './store.js';

const MAX_FILE_BYTES = 32 << 20;
const RECEIPT_BYTES = 256;
const PROOF_BEGIN = 'plumbline certified entry 2';

/** Name, what it says, and whether there was something to compare with; a text in place of that says how it stands. */
const RECEIPT_CHECKS = [
  [
    'MALFORMED',
    'What was dropped is what the specification says.',
    (known) =>
      !(known.isTensors && (known.request || known.answer)) ||
      'the receipt does; request and answer, a tensor model’s, were not decoded',
  ],
  ['SIGNATURE', 'The owner of the node’s key signed these fields.', () => true],
  ['NODE', 'It is the node that the answer names.', (known) => !!known.node],
  ['MODEL', 'It names the request’s model, under a contract for such requests.', (known) => !!known.request],
  ['REQUEST', 'It is for this request.', (known) => !!(known.request || known.requestHash)],
  ['OUTPUT', 'It is for the encoded answer in the file, “plumbline.answer”.', (known) => !!known.answer],
  [
    'STOP',
    'The answer ends where the request says, or its requester ended it.',
    (known) => (known.isTensors ? 'not compared: a tensor model’s' : !!(known.request && known.answer)),
  ],
  [
    'TEXT',
    'The text that the file shows, its first choice’s, is the signed one.',
    (known) => known.text === 'same' || (known.text === 'part' && 'a part of it, or not all: read the whole below'),
  ],
];

const PROOF_CHECKS = [
  ['NETWORK', 'The network’s file names a ledger and its full nodes.', () => true],
  ['MALFORMED', 'The proof is what the specification says.', () => true],
  ['QUORUM', 'As many full nodes as must have signed this block.', () => true],
  ['STATE', 'The state of that block has this entry.', () => true],
  ['KIND', 'The entry is a request’s.', () => true],
  ['ABSENT', 'There is one.', () => true],
  ['REQUEST', 'It is the request of the receipt that was dropped.', (known) => !!known.requestHash],
  ['RECEIPT', 'The settlement’s receipt is, byte for byte, the one that was dropped.', (known) => !!known.receipt],
];

const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** A file's kind, by what is in it. */
async function readFile(file) {
  if (file.size > MAX_FILE_BYTES) {
    throw new Error(`${file.name} has more than ${MAX_FILE_BYTES >> 20} MiB.`);
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = new TextDecoder().decode(bytes.subarray(0, Math.min(bytes.length, MAX_FILE_BYTES))).trim();
  if (new TextDecoder('latin1').decode(bytes.subarray(4, 4 + PROOF_BEGIN.length)) === PROOF_BEGIN) {
    return { proof: bytes };
  }
  if (text.startsWith('{')) {
    return fromJson(file.name, text);
  }
  if (/^[0-9a-fA-F]+$/.test(text)) {
    return text.length === 2 * RECEIPT_BYTES ? { receipt: text } : { proof: text };
  }
  if (bytes.length === RECEIPT_BYTES) {
    return { receipt: bytes };
  }
  throw new Error(`${file.name} is no receipt, no answer, no proof and no network file.`);
}

function fromJson(name, text) {
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`${name} is not JSON.`);
  }
  if (typeof json.genesis === 'string') {
    return { network: { genesis: json.genesis } };
  }
  const given = json.plumbline ?? json.choices?.[0]?.plumbline ?? json;
  if (typeof given.receipt !== 'string') {
    throw new Error(`${name} has no receipt in it: "plumbline.receipt" of an answer, or "receipt".`);
  }
  const known = { receipt: given.receipt };
  const take = (field, as, read = (value) => value) => {
    if (typeof given[field] === 'string') {
      known[as] = read(given[field]);
    }
  };
  take('request_hash', 'requestHash');
  take('node', 'node');
  take('request', 'request', fromBase64);
  take('answer', 'answer', fromBase64);
  return { ...known, shown: shownTexts(json) };
}

/** Failures whose names say the contrary of what is checked. */
const NAMES = { MALFORMED: 'FORM', ABSENT: 'PRESENT' };

/** The checks one by one: those before the failure hold, those after it were not reached. */
function list(checks, known, failure) {
  // A name may stand twice: what was decoded first comes first.
  const at = failure ? checks.findIndex(([name]) => name === failure) : checks.length;
  return h(
    'ol',
    { class: 'checks' },
    checks.map(([name, what, isGiven], i) => {
      const given = isGiven(known);
      const state = i === at ? 'bad' : i < at && given === true ? 'good' : 'off';
      const off = i > at ? 'not reached' : given || 'nothing to compare';
      const words = { bad: 'does not hold', good: 'holds' }[state] ?? off;
      return h(
        'li',
        { class: state },
        h('b', { title: `Fails as ${name}` }, NAMES[name] ?? name),
        h('span', null, what),
        h('em', null, words),
      );
    }),
  );
}

function facts(pairs) {
  return h(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))),
  );
}

async function checked(verify, checks, known, title, shown, notProven) {
  try {
    const result = await verify();
    return {
      isGood: true,
      element: panel(
        title,
        null,
        h('p', { class: 'verdict good' }, 'It holds.'),
        list(checks, known, null),
        shown(result),
        h('p', { class: 'note' }, notProven),
      ),
    };
  } catch (error) {
    const failure = error instanceof VerificationError ? error.failure : null;
    return {
      isGood: false,
      element: panel(
        title,
        null,
        h('p', { class: 'verdict bad' }, failure ? 'It does not hold.' : 'It could not be checked.'),
        h('p', { class: 'problem' }, foreign(error.message)),
        failure && list(checks, known, failure),
      ),
    };
  }
}

/** As {@link verifyReceipt}, and whether the file shows the text that was signed. */
async function verifyDropped(held) {
  held.text = null;
  held.isTensors = isTensorReceipt(held.receipt, held);
  const receipt = await verifyReceipt(held.receipt, held);
  if (receipt.isTensors && held.shown && (held.shown.texts.length || !held.shown.isAll)) {
    throw new VerificationError(
      'TEXT',
      'The file shows a text, and the receipt is a tensor model’s, which signs none.',
    );
  }
  if (receipt.answer && held.shown?.texts.length) {
    held.text = compare(held.shown, receipt.answer.text, receipt.request?.stopTexts ?? []);
  }
  if (held.text === 'other') {
    throw new VerificationError(
      'TEXT',
      `The file shows another text than the one that was signed, which is: ${receipt.answer.text}`,
    );
  }
  return receipt;
}

/** The contract that the node is bound to by its receipt. */
const CONTRACTS = { 1: 'exact, version 1', 2: 'exact, version 2', 65536: 'the bounds of a tensor model' };

function receiptFacts(receipt) {
  return [
    facts([
      ['Request', short(hex(receipt.requestHash), 32)],
      ['Node', short(hex(receipt.node), 32)],
      ['Model', short(hex(receipt.modelId), 32)],
      ['Contract', CONTRACTS[receipt.contractVersion]],
      receipt.isTensors
        ? ['Rows', number(receipt.promptTokens)]
        : ['Tokens', `${number(receipt.promptTokens)} asked, ${number(receipt.outputTokens)} answered`],
      ['Price', number(receipt.price)],
      ['Trace', `${number(receipt.traceBytes)} bytes, root ${hex(receipt.traceRoot).slice(0, 16)}…`],
    ]),
    receipt.request?.messages &&
      h(
        'details',
        null,
        h('summary', null, 'What was asked, as it was signed'),
        h('pre', null, receipt.request.messages),
      ),
    receipt.answer &&
      h(
        'details',
        { open: true },
        h('summary', null, 'What was answered, as it was signed'),
        h('pre', null, receipt.answer.text),
      ),
  ];
}

function proofFacts(proof, isServers) {
  const verdicts = proof.verdicts.map(({ opinion }) => opinion.toLowerCase().replace('_', ' '));
  return facts([
    ['Status', badge({ SETTLED: 'good', REFUNDED: 'bad', SLASHED: 'bad' }[proof.status] ?? 'info', proof.status)],
    ['Block', number(proof.block)],
    ['Time', new Date(Number(proof.timeMs)).toLocaleString('en-GB')],
    [
      'Signatures',
      `${proof.signatures} of ${proof.fullNodes}; it holds if at most ${proof.liarsTolerated} of them lie`,
    ],
    ['Audited at', proof.level],
    ['Verdicts', verdicts.join(', ') || '–'],
    ['Request', short(hex(proof.requestHash), 32)],
    [
      'Full nodes’ keys',
      isServers
        ? 'as this server names them: drop your own network.json to trust nobody'
        : 'of the network file that was dropped',
    ],
  ]);
}

/** Builds the view. */
export function build() {
  let held = {};
  const result = h('div', { class: 'results' });
  const slots = h('ul', { class: 'slots' });
  const input = h('input', {
    id: 'files',
    type: 'file',
    multiple: true,
    class: 'hidden',
    onchange: () => take([...input.files]),
  });
  const zone = h(
    'div',
    { class: 'drop' },
    h(
      'p',
      null,
      h('label', { for: 'files', class: 'button main' }, 'Choose files'),
      h('span', null, ' or drop them here'),
    ),
    h(
      'p',
      { class: 'note' },
      'A receipt (256 bytes, or their hexadecimal), an answer’s JSON with “plumbline.receipt”, a proof of ' +
        '/v1/receipts/HASH/proof, a network.json: one of them, or several together. Nothing is sent anywhere.',
    ),
    input,
    slots,
  );
  for (const name of ['dragenter', 'dragover']) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add('over');
    });
  }
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    take([...event.dataTransfer.files]);
  });

  function drawSlots() {
    const names = {
      receipt: 'receipt',
      request: 'request',
      answer: 'answer',
      proof: 'proof',
      network: 'network file',
    };
    replace(
      slots,
      Object.entries(names).map(([name, words]) => h('li', { class: held[name] ? 'on' : '' }, words)),
      Object.keys(held).length > 0 &&
        h('li', null, h('button', { type: 'button', class: 'quiet', onclick: forget }, 'Clear')),
    );
  }

  function forget() {
    held = {};
    drawSlots();
    replace(result);
  }

  async function take(files) {
    input.value = '';
    const problems = [];
    for (const file of files) {
      try {
        const found = await readFile(file);
        // Another receipt is another case, with its own request, answer and node.
        held = found.receipt ? { network: held.network, proof: held.proof, ...found } : { ...held, ...found };
      } catch (error) {
        problems.push(error.message);
      }
    }
    drawSlots();
    await check(problems);
  }

  async function check(problems) {
    const parts = [];
    if (held.receipt) {
      parts.push(
        await checked(
          () => verifyDropped(held),
          RECEIPT_CHECKS,
          held,
          'Receipt',
          receiptFacts,
          'What this does not prove: that the answer is right. The node has bound itself to it; ' +
            'whether it computed it is what auditors check and the proof of the settlement says.',
        ),
      );
    }
    if (held.proof) {
      const network = held.network ?? serversNetwork();
      const known = {
        ...(held.requestHash ? { requestHash: held.requestHash } : {}),
        ...(held.receipt ? { receipt: held.receipt } : {}),
      };
      parts.push(
        network
          ? await checked(
              () => verifyProof(held.proof, network, known),
              PROOF_CHECKS,
              known,
              'Settlement',
              (proof) => proofFacts(proof, !held.network),
              'What this does not prove: what a later block says. A settled answer can be proven ' +
                'false within the evidence window. Nor does it check the receipt’s own signature: drop ' +
                'the receipt too.',
            )
          : {
              isGood: false,
              element: panel(
                'Settlement',
                null,
                h(
                  'p',
                  { class: 'problem' },
                  'A proof is checked with the full nodes’ keys: drop the network.json too.',
                ),
              ),
            },
      );
    }
    replace(
      result,
      problems.map((problem) => h('p', { class: 'problem', role: 'alert' }, foreign(problem))),
      parts.map((part) => part.element),
    );
    if (parts.length) {
      say(parts.every((part) => part.isGood) ? 'All checks hold.' : 'A check does not hold.');
    }
  }

  drawSlots();
  return {
    element: h(
      'div',
      { class: 'view' },
      heading('Verify'),
      panel('A receipt, checked in this browser', null, zone),
      result,
    ),
  };
}
