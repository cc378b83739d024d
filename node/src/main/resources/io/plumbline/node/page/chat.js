// A chat with the server's models. An answer's border turns green when its receipt is certified.
import { h, heading, replace, say } from './dom.js';
import { milliseconds, number, short } from './format.js';
import { section } from './live.js';
import { wayOf, stateBadge } from './receipts.js';
import { add, api, apiKey, find, readModels, refusal, setApiKey, stateOf } from './store.js';

const LEVELS = { SIGNED: 'Signed', AUDITED: 'Audited: 8 cells, 8 choices', FULL: 'Full: every cell' };
const MAX_TOKENS = 400;
const MAX_CHARACTERS = 100_000;

/** Events of a stream, one JSON value after the other. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    held += value;
    for (let end; (end = held.indexOf('\n\n')) >= 0; held = held.slice(end + 2)) {
      const data = held
        .slice(0, end)
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice(6))
        .join('\n');
      if (data === '[DONE]') {
        return;
      }
      if (data) {
        yield JSON.parse(data);
      }
    }
  }
}

/** Builds the view. */
export function build() {
  const said = [];
  const turns = [];
  let stop = null;
  const log = h('ol', { class: 'turns', 'aria-label': 'Conversation' });
  const intro = h(
    'div',
    { class: 'intro' },
    h('p', null, 'Ask something. Each answer comes with a receipt that the node signed for exactly these tokens.'),
    h(
      'ul',
      null,
      h('li', null, h('i', { class: 'info' }), 'signed: the receipt’s signature holds'),
      h(
        'li',
        null,
        h('i', { class: 'good' }),
        'certified: auditors found it good, a quorum signed that, and this browser checked the proof',
      ),
      h('li', null, h('i', { class: 'bad' }), 'refunded, slashed, or not what was signed'),
    ),
  );
  const model = h('select', { id: 'model' });
  const level = h('select', { id: 'level' });
  const text = h('textarea', {
    id: 'prompt',
    rows: '2',
    maxlength: MAX_CHARACTERS,
    placeholder: 'Tell me a story about a bear.',
    required: true,
  });
  const send = h('button', { type: 'submit', class: 'main' }, 'Send');
  const halt = h('button', { type: 'button', hidden: true, onclick: () => stop?.abort() }, 'Stop');
  const again = h('button', { type: 'button', class: 'quiet', onclick: clear }, 'New chat');
  const key = h('input', {
    id: 'key',
    type: 'password',
    autocomplete: 'off',
    value: apiKey(),
    onchange: () => {
      setApiKey(key.value);
      read();
    },
  });
  const keyLine = h(
    'div',
    { class: 'field key-field', hidden: true },
    h('label', { for: 'key' }, 'API key (kept until this tab is closed)'),
    key,
  );
  const problem = h('p', { class: 'problem', role: 'alert' });
  const form = h(
    'form',
    { class: 'composer', onsubmit: ask },
    h('label', { class: 'hidden', for: 'prompt' }, 'Message'),
    text,
    h(
      'div',
      { class: 'options' },
      h('div', { class: 'field' }, h('label', { for: 'model' }, 'Model'), model),
      h('div', { class: 'field level-field' }, h('label', { for: 'level' }, 'Audit'), level),
      keyLine,
      h('span', { class: 'spring' }),
      again,
      halt,
      send,
    ),
    problem,
  );
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  function clear() {
    stop?.abort();
    said.length = 0;
    turns.length = 0;
    replace(log);
    intro.hidden = false;
    text.focus();
  }

  async function read() {
    try {
      const chosen = model.value;
      const models = (await readModels()).filter((one) => one.plumbline_layers);
      replace(
        model,
        models.map((one) => h('option', { value: one.id }, one.id)),
      );
      if (models.some((one) => one.id === chosen)) {
        model.value = chosen;
      }
      problem.textContent = models.length ? '' : 'This server has no model to chat with.';
    } catch (error) {
      problem.textContent = keyLine.hidden || apiKey() ? error.message : 'This server needs an API key.';
    }
  }

  function offer() {
    const about = section('about');
    if (!about) {
      return;
    }
    keyLine.hidden = !about.needs_key && !apiKey();
    const names = Object.keys(LEVELS);
    const least = names.indexOf(about.least_level ?? 'SIGNED');
    const offered = about.role === 'serve' ? ['SIGNED'] : names.slice(least);
    if (level.options.length !== offered.length) {
      replace(
        level,
        offered.map((name) => h('option', { value: name }, LEVELS[name])),
      );
      level.value = offered.includes(about.level) ? about.level : offered[0];
      level.closest('.level-field').hidden = offered.length < 2;
    }
  }

  async function ask(event) {
    event.preventDefault();
    const prompt = text.value.trim();
    if (!prompt || stop) {
      return;
    }
    intro.hidden = true;
    problem.textContent = '';
    said.push({ role: 'user', content: prompt });
    log.append(h('li', { class: 'turn user' }, h('h3', { class: 'hidden' }, 'You'), h('p', null, prompt)));
    const words = h('p', { class: 'words' });
    const thoughts = h('p');
    const thought = h('details', { class: 'thought', hidden: true }, h('summary', null, 'Reasoning'), thoughts);
    const foot = h('footer');
    const turn = {
      element: h(
        'li',
        { class: 'turn answer waiting', 'aria-busy': 'true' },
        h('h3', { class: 'hidden' }, 'Answer'),
        thought,
        words,
        foot,
      ),
      foot,
      hash: null,
    };
    turns.push(turn);
    log.append(turn.element);
    turn.element.scrollIntoView({ block: 'end' });
    text.value = '';
    stop = new AbortController();
    halt.hidden = false;
    send.disabled = true;
    const began = performance.now();
    let firstMs = null;
    let plumbline = null;
    try {
      const response = await api('/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        signal: stop.signal,
        body: JSON.stringify({
          model: model.value,
          messages: said,
          stream: true,
          max_tokens: MAX_TOKENS,
          plumbline: { level: level.value.toLowerCase() },
        }),
      });
      if (!response.ok) {
        if (response.status === 401) {
          keyLine.hidden = false;
        }
        throw new Error(await refusal(response));
      }
      for await (const chunk of events(response)) {
        if (chunk.error) {
          throw new Error(chunk.error.message);
        }
        plumbline = chunk.plumbline ?? plumbline;
        const { content, reasoning_content: reasoning } = chunk.choices?.[0]?.delta ?? {};
        if (content || reasoning) {
          firstMs ??= performance.now() - began;
          // At its end anyway: a reader that has scrolled up is left where it reads.
          const isBelow = innerHeight + scrollY > document.body.scrollHeight - 80;
          thought.hidden &&= !reasoning;
          thoughts.append(reasoning ?? '');
          words.append(content ?? '');
          if (isBelow) {
            turn.element.scrollIntoView({ block: 'end' });
          }
        }
      }
      said.push({ role: 'assistant', content: words.textContent });
      say(`Answer: ${words.textContent}`);
      if (!plumbline?.receipt) {
        throw new Error('The answer ended without a receipt.');
      }
      turn.speed = `first token ${milliseconds(firstMs ?? 0)}, whole ${milliseconds(performance.now() - began)}`;
      turn.hash = plumbline.request_hash;
      turn.element.classList.remove('waiting');
      await add(plumbline, level.value);
    } catch (error) {
      const isStopped = error.name === 'AbortError';
      turn.element.classList.remove('waiting');
      if (turn.hash === null) {
        turn.element.classList.add(isStopped ? 'stopped' : 'bad');
        said.splice(
          said.findLastIndex((one) => one.role === 'user'),
          said.length,
        );
      }
      replace(foot, h('p', { class: 'problem' }, isStopped ? 'Stopped.' : error.message));
      say(isStopped ? 'Stopped.' : error.message);
    } finally {
      turn.element.removeAttribute('aria-busy');
      stop = null;
      halt.hidden = true;
      send.disabled = false;
      text.focus({ preventScroll: true });
    }
  }

  function mark(turn) {
    const record = turn.hash && find(turn.hash);
    if (!record) {
      return;
    }
    const state = stateOf(record);
    if (turn.state !== state && state === 'certified') {
      say('The answer is certified.');
    }
    const isBelow = innerHeight + scrollY > document.body.scrollHeight - 250;
    turn.state = state;
    turn.element.dataset.state = state;
    replace(
      turn.foot,
      h(
        'div',
        { class: 'line' },
        stateBadge(record),
        h('small', null, turn.speed),
        h('small', null, `${number(record.tokens ?? 0)} tokens`),
        h('a', { href: '#/receipts', 'data-focus': 'receipt' }, 'Receipt ', short(record.hash)),
      ),
      wayOf(record),
      record.problem && h('p', { class: 'problem' }, record.problem),
    );
    if (isBelow && turn === turns.at(-1)) {
      turn.element.scrollIntoView({ block: 'end' });
    }
  }

  read();
  offer();
  return {
    element: h('div', { class: 'view chat' }, heading('Chat'), log, intro, form),
    draw(changed) {
      if (!changed || changed === 'about') {
        offer();
      }
      if (!changed || changed === 'mine') {
        turns.forEach(mark);
      }
    },
  };
}
