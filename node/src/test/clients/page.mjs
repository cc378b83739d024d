// The pages of a gateway, a full node and serve in headless Chromium, as people use them: by mouse, keyboard and phone.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const { CHROMIUM, GATEWAY, FULL_NODE, SERVE, CHEAT, HOSTILE, FOLDER, SCREENSHOTS } = process.env;
const MOST_MS = 30_000;
const PAGES = {
  [GATEWAY]: ['network', 'chat', 'receipts', 'slashes', 'feeds', 'verify'],
  [FULL_NODE]: ['network', 'audits', 'slashes', 'feeds', 'verify'],
  [SERVE]: ['chat', 'receipts', 'verify'],
};

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
const context = await browser.newContext({
  viewport: { width: 1280, height: 860 },
  colorScheme: 'light',
  acceptDownloads: true,
});
const page = await context.newPage();
page.setDefaultTimeout(MOST_MS);
const wrong = [];
const hosts = new Set();
page.on(
  'console',
  (message) => ['error', 'warning'].includes(message.type()) && wrong.push(`console: ${message.text()}`),
);
page.on('pageerror', (error) => wrong.push(`error: ${error.stack}`));
page.on('dialog', (dialog) => {
  wrong.push(`dialog: ${dialog.message()}`);
  dialog.dismiss();
});
page.on('request', (request) =>
  hosts.add(new URL(request.url()).protocol === 'blob:' ? 'blob' : new URL(request.url()).origin),
);

/** Goes to a section, and waits until it is there. */
async function nav(name) {
  await page.click(`nav a[href="#/${name}"]`);
  await page.waitForSelector(`nav a[href="#/${name}"][aria-current]`);
}

async function picture(name, options = {}) {
  if (SCREENSHOTS) {
    await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, ...options });
  }
}

/** Asks the gateway as a program does, and gives the answer's JSON. */
async function ask(more) {
  const response = await fetch(`${GATEWAY}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
      max_tokens: 24,
      temperature: 0,
      plumbline: more,
    }),
  });
  assert.equal(response.status, 200);
  return response.json();
}

// The cheat is caught while the rest is looked at.
await page.goto(GATEWAY);
await page.waitForSelector('.tiles');
await page.waitForSelector(`a[href="#/node/${CHEAT}"]`);
await page.waitForFunction(() => document.querySelector('#live.good'));
const lie = ask({ node: CHEAT, level: 'full' });
const good = ask({ level: 'full', disclose: true });

// By keyboard alone: past the navigation, and to another section.
await page.keyboard.press('Tab');
assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
await page.focus('nav a[href="#/chat"]');
await page.keyboard.press('Enter');
await page.waitForSelector('#prompt');
assert.equal(await page.evaluate(() => document.activeElement.id), 'main');

// A chat is streamed, and its border turns green when the receipt is certified.
await page.selectOption('#level', 'FULL');
await page.evaluate(() => {
  window.lengths = new Set();
  new MutationObserver(() => window.lengths.add(document.querySelector('.answer .words')?.textContent.length)).observe(
    document.querySelector('.turns'),
    { subtree: true, childList: true, characterData: true },
  );
});
await page.focus('#prompt');
await page.keyboard.type('Tell me a story about a bear.');
await page.keyboard.press('Enter');
await page.waitForSelector('.answer[data-state]');
assert.ok((await page.evaluate(() => [...window.lengths].filter(Boolean).length)) > 1, 'the answer came in pieces');
assert.ok((await page.textContent('.answer .words')).length > 20);
await page.waitForSelector('.answer[data-state="certified"]');
await page.waitForFunction(() => {
  const probe = document.createElement('i');
  probe.className = 'good';
  document.body.append(probe);
  const green = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return getComputedStyle(document.querySelector('.answer')).borderTopColor === green;
});
await picture('page-chat');

// Its receipt has its way, its map, and is saved.
await nav('receipts');
await page.waitForSelector('.card.good .way .done:nth-child(4)');
assert.match(await page.textContent('.card.good'), /checked in this browser/);
assert.match(await page.textContent('.card.good figcaption'), /^Every cell was checked: 3 layers over \d+ tokens/);
await page.focus('canvas.cells');
await page.keyboard.press('ArrowRight');
await page.keyboard.press('ArrowDown');
assert.match(await page.textContent('.readout'), /^Layer 1, token 0 \(prompt\): checked\.$/);
const save = async (name) => {
  const [saved] = await Promise.all([page.waitForEvent('download'), page.click(`.card.good button:text("${name}")`)]);
  return readFile(await saved.path());
};
const receipt = await save('Save receipt');
const proof = await save('Save proof');
assert.equal(receipt.length, 512);

// The beacon's cell of an AUDITED answer is found in the browser.
await nav('chat');
await page.selectOption('#level', 'AUDITED');
await page.fill('#prompt', 'Tell me a story about a fox.');
await page.click('.composer .main');
await page.waitForSelector('.turn:last-child[data-state="certified"]');
await nav('receipts');
assert.match(
  await page.textContent('.card.good figcaption'),
  /The beacon drew layer [012], token \d+ for all auditors/,
);
await picture('page-receipts', { clip: { x: 0, y: 0, width: 1280, height: 760 } });

// What is dropped is checked here: a good receipt with its proof, a tampered one, an answer with all that it is for.
async function drop(...files) {
  const given = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString('base64') }));
  const transfer = await page.evaluateHandle((all) => {
    const data = new DataTransfer();
    for (const { name, base64 } of all) {
      data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    }
    return data;
  }, given);
  await page.evaluate(() => document.querySelector('.results').replaceChildren());
  await page.dispatchEvent('.drop', 'drop', { dataTransfer: transfer });
  await page.waitForSelector('.results > *');
}
await nav('verify');
await page.waitForSelector('.drop');
await drop({ name: 'a.receipt', bytes: receipt }, { name: 'a.proof', bytes: proof });
assert.deepEqual(await page.locator('.verdict').allTextContents(), ['It holds.', 'It holds.']);
assert.equal(await page.locator('.checks .bad').count(), 0);
await picture('page-verify');
const tampered = Buffer.from(receipt.toString(), 'hex');
tampered[152] ^= 1;
await drop({ name: 'b.receipt', bytes: tampered });
assert.equal(await page.textContent('.verdict'), 'It does not hold.');
assert.equal(await page.textContent('.checks .bad b'), 'SIGNATURE');
assert.equal(await page.locator('.checks').first().locator('.good').count(), 1, 'its form alone');
assert.equal(
  await page.locator('.checks').last().locator('.bad b').textContent(),
  'RECEIPT',
  'the proof is of another one',
);
const broken = Buffer.from(proof);
broken[60] ^= 1;
await drop({ name: 'c.proof', bytes: broken });
assert.match((await page.locator('.verdict').allTextContents()).join(), /It does not hold/);
assert.equal(await page.locator('.checks').last().locator('.bad b').textContent(), 'QUORUM');
await page.click('.slots button');
const answer = await good;
await drop({ name: 'answer.json', bytes: JSON.stringify(answer) });
assert.equal(await page.textContent('.verdict'), 'It holds.');
assert.equal(await page.locator('.checks .good').count(), 8, 'every check had something to compare with');
assert.ok((await page.textContent('.results details:last-of-type pre')).startsWith(answer.choices[0].message.content));
const shown = structuredClone(answer);
shown.choices[0].message.content = `No. ${answer.choices[0].message.content}`;
await drop({ name: 'answer.json', bytes: JSON.stringify(shown) });
assert.equal(await page.textContent('.verdict'), 'It does not hold.');
assert.equal(await page.textContent('.checks .bad b'), 'TEXT', 'the file shows what nobody signed');
shown.choices[0].message.content = answer.choices[0].message.content.slice(4);
await drop({ name: 'answer.json', bytes: JSON.stringify(shown) });
assert.equal(await page.locator('.checks .good').count(), 7, 'a part of it is not called the signed text');
assert.match(await page.locator('.checks li').last().textContent(), /a part of it/);
shown.choices[0].message = {
  reasoning_content: answer.choices[0].message.content,
  content: [{ type: 'text', text: 'No.' }],
};
await drop({ name: 'answer.json', bytes: JSON.stringify(shown) });
assert.equal(await page.textContent('.checks .bad b'), 'TEXT', 'what parts of a content show is compared too');
shown.choices[0].message = structuredClone(answer.choices[0].message);
shown.choices[0].message.tool_calls = [{ type: 'function', function: { name: 'pay', arguments: '{}' } }];
await drop({ name: 'answer.json', bytes: JSON.stringify(shown) });
assert.equal(await page.locator('.checks .good').count(), 7, 'a call beside the text is not called the signed text');
await page.click('.slots button');
await drop({ name: 'a.receipt', bytes: receipt });
assert.equal(await page.locator('.checks .good').count(), 2, 'a receipt alone: its form and its signature');
await page.click('.slots button');
const forged = structuredClone(answer);
const bytes = Buffer.from(answer.plumbline.answer, 'base64');
bytes[bytes.length - 8] ^= 1;
forged.plumbline.answer = bytes.toString('base64');
await drop({ name: 'answer.json', bytes: JSON.stringify(forged) });
assert.equal(await page.textContent('.checks .bad b'), 'OUTPUT');
await drop({ name: 'nonsense.txt', bytes: HOSTILE });
assert.ok((await page.textContent('.results .problem')).startsWith('nonsense.txt is no receipt'));
await page.setInputFiles('#files', `${FOLDER}/network.json`);
await page.waitForSelector('.slots .on:text("network file")');

// The cheat's stake is gone, on the gateway's page as a quorum has signed it, on the full node's with the map.
await lie;
await nav('slashes');
await page.waitForSelector('.card.bad');
assert.match(await page.textContent('.card.bad'), new RegExp(`${CHEAT.slice(0, 16)}.*signed by 1 of 1 full nodes`));
await nav('network');
await page.waitForSelector(`a[href="#/node/${CHEAT}"]`, { state: 'detached' });
await page.waitForFunction(() => document.querySelectorAll('.blocks li').length > 2);
await page.click('a[href^="#/node/"]');
assert.match(await page.textContent('.figures'), /Bits equal\s*all/);

// A stranger's words stay words.
await nav('feeds');
await page.waitForFunction((words) => document.querySelector('main').textContent.includes(words), HOSTILE);
assert.equal(await page.locator('main img, main script, main b:text("b")').count(), 0);

// What a full node's operator sees.
await page.goto(FULL_NODE);
await page.waitForSelector('.tiles');
await nav('audits');
await page.waitForSelector('.card.bad canvas');
assert.match(await page.textContent('.card.bad'), /false.*FULL.*QKV at layer 1, token 0/s);
assert.match(await page.textContent('.card.bad figcaption'), /Found false at layer 1, token 0\./);
assert.match(
  await page.textContent('.card.good:has-text("AUDITED") figcaption'),
  /^8 cells of 3 layers over \d+ tokens, and 8 choices\. The beacon drew/,
);
const { x, y, width } = await page.locator('.panel:has(canvas)').boundingBox();
await picture('page-audits', { fullPage: true, clip: { x, y, width, height: 680 } });
const told = await (await fetch(`${FULL_NODE}/ui/state`)).text();
for (const secret of [answer.plumbline.request_hash, (await lie).plumbline.request_hash, 'bear', 'fox']) {
  assert.ok(!told.includes(secret), 'no request hash in full, no prompt, no answer');
}
assert.ok(!(await (await fetch(`${GATEWAY}/ui/state`)).text()).includes(answer.plumbline.request_hash.slice(0, 8)));

// serve: without a network there is nothing but the log to certify.
await page.goto(SERVE);
await page.waitForSelector('#model option', { state: 'attached' });
await page.fill('#prompt', 'Tell me a story about a bear.');
await page.click('.composer .main');
await page.waitForSelector('.answer[data-state="local"]');
await nav('receipts');
await page.waitForSelector('.card.info .way');

// A browser that cannot check (no WebCrypto: a page over plain HTTP) says so, and turns nothing green.
const blind = await (await browser.newContext()).newPage();
await blind.addInitScript(() => Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined }));
await blind.goto(`${GATEWAY}/#/chat`);
await blind.waitForSelector('#model option', { state: 'attached' });
await blind.fill('#prompt', 'Tell me a story about a bear.');
await blind.click('.composer .main');
await blind.waitForSelector('.answer[data-state="told"]');
assert.match(await blind.textContent('.answer footer'), /by the server’s word.*WebCrypto/s);
await blind.close();

// Both themes are readable, and the button goes from one to the other.
function contrasts() {
  const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    probe.fillStyle = style.getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].map((c) =>
      c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = ['--ground', '--surface', '--raised'];
  const pairs = [
    ...['--ink', '--muted', '--accent'].flatMap((ink) => grounds.map((ground) => [ink, ground])),
    ...['good', 'warn', 'bad', 'info', 'accent'].map((tone) => [`--${tone}`, `--${tone}-soft`]),
    ['--bad', '--surface'],
    ['--bad', '--ground'],
    ['--good', '--surface'],
    ['--on-accent', '--accent'],
  ];
  return pairs.map(([ink, ground]) => {
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    return { pair: `${ink} on ${ground}`, ratio: (a + 0.05) / (b + 0.05) };
  });
}
await page.goto(GATEWAY);
await page.waitForSelector('.blocks');
const grounds = [];
for (const theme of ['light', 'dark']) {
  await page.click('#theme');
  assert.equal(await page.getAttribute('html', 'data-theme'), theme);
  for (const { pair, ratio } of await page.evaluate(contrasts)) {
    assert.ok(ratio >= 4.5, `${theme}: ${pair} has ${ratio.toFixed(2)}:1`);
  }
  grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
  await picture(`page-network-${theme}`);
}
assert.notEqual(grounds[0], grounds[1]);

// A phone shows all of it without going sideways.
await page.setViewportSize({ width: 360, height: 740 });
for (const [base, names] of Object.entries(PAGES)) {
  for (const name of names) {
    await page.goto(`${base}/#/${name}`);
    await page.waitForSelector('nav a[aria-current]');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${base} ${name} is ${wide} wide`);
  }
}

hosts.delete('blob');
assert.deepEqual([...hosts].sort(), [GATEWAY, FULL_NODE, SERVE].sort(), 'no other host was asked');
assert.deepEqual(wrong, []);
await browser.close();
console.log('page: good');
