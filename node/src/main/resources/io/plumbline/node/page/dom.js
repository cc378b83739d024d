// Builds what is shown. Texts are set as text: nothing that a server or a stranger gave is ever read as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (name === 'class') {
      element.setAttribute('class', value);
    } else if (name === 'value') {
      element.value = value;
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
  return element;
}

/** An element of HTML; children are elements and texts. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An element of SVG. */
export function s(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** A text of a stranger's: its own direction of writing stays its own. */
export function foreign(text) {
  return h('bdi', null, text);
}

/** Puts new children in place of the old; what had the keyboard's focus has it again, by its `data-focus`. */
export function replace(element, ...children) {
  const focus = element.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (focus) {
    element.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }
}

/** Has screen readers say it. */
export function say(text) {
  document.getElementById('say').textContent = text;
}

/** Saves bytes or a text as a file. */
export function download(name, content, type = 'application/octet-stream') {
  const url = URL.createObjectURL(new Blob([content], { type }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A heading with what stands beside it. */
export function heading(title, ...beside) {
  return h('div', { class: 'heading' }, h('h2', null, title), ...beside);
}

/** A panel with a title. */
export function panel(title, note, ...children) {
  return h(
    'section',
    { class: 'panel' },
    h('header', null, h('h3', null, title), note && h('p', null, note)),
    ...children,
  );
}

/** A word about how something stands: `tone` is good, bad, warn, info or plain. */
export function badge(tone, text) {
  return h('span', { class: `badge ${tone}` }, text);
}

/** A table whose cells become lines with their column's name where the page is narrow. */
export function table(caption, columns, rows) {
  const body = rows.map((cells) =>
    h(
      'tr',
      null,
      cells.map((cell, i) =>
        h(i === 0 ? 'th' : 'td', { 'data-column': columns[i], scope: i === 0 ? 'row' : null }, h('div', null, cell)),
      ),
    ),
  );
  return h(
    'table',
    null,
    h('caption', { class: 'hidden' }, caption),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        columns.map((column) => h('th', { scope: 'col' }, column)),
      ),
    ),
    h('tbody', null, body),
  );
}

/** A line where there is nothing yet. */
export function empty(text) {
  return h('p', { class: 'empty' }, text);
}
