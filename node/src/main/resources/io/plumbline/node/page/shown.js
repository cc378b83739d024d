// The texts that an answer's JSON shows its reader, and how they stand to the text that was signed.

/** Fields of texts and of what has some in it, in the order in which they are said. */
const SAID = ['message', 'reasoning_content', 'summary', 'thinking', 'content', 'text'];

/** Fields that show nobody anything that was said. */
const SILENT = new Set([
  'type',
  'id',
  'role',
  'index',
  'status',
  'finish_reason',
  'stop_reason',
  'stop_sequence',
  'logprobs',
  'signature',
]);

const isEmpty = (value) =>
  value === null || value === undefined || value === '' || (typeof value === 'object' && !Object.keys(value).length);

/** Adds the texts in a value to those that are shown. */
function add(shown, value) {
  if (isEmpty(value)) {
    return;
  }
  if (typeof value === 'string') {
    shown.texts.push(value);
  } else if (Array.isArray(value)) {
    value.forEach((one) => add(shown, one));
  } else if (typeof value === 'object') {
    SAID.forEach((name) => add(shown, value[name]));
    shown.isAll &&= Object.keys(value).every(
      (name) => SAID.includes(name) || SILENT.has(name) || isEmpty(value[name]),
    );
  } else {
    shown.isAll = false;
  }
}

/**
 * The texts in an answer's JSON, in the form of any of the APIs, in their order: of the first choice, calls of tools
 * left out, whose arguments are not said as they were signed. None where it shows none.
 *
 * @returns `texts`, and `isAll`: whether it shows nothing else, such as a call, that a reader may take for the answer.
 */
export function shownTexts(json) {
  const shown = { texts: [], isAll: isEmpty(json.output_text) };
  add(shown, Array.isArray(json.choices) ? json.choices[0] : json.choices);
  add(shown, json.output);
  add(shown, json.content);
  return shown;
}

/**
 * How they stand to the signed text: `same`, up to a stop text that ended it; `part`, where each stands in it, in this
 * order, and something else does too, as marks of reasoning and of calls do, or is shown; `other`.
 */
export function compare({ texts, isAll }, signed, stopTexts) {
  if (texts.length === 1 && isAll && signed.startsWith(texts[0])) {
    const rest = signed.slice(texts[0].length);
    if (rest === '' || stopTexts.some((stop) => rest.startsWith(stop))) {
      return 'same';
    }
  }
  let at = 0;
  for (const text of texts) {
    const found = signed.indexOf(text, at);
    if (found < 0) {
      return 'other';
    }
    at = found + text.length;
  }
  return 'part';
}
