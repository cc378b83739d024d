// The texts that an answer's JSON shows its reader, and how they stand to the text that was signed.

const list = (value) => (Array.isArray(value) ? value : []);

/** Of an item of the Responses and the Messages API: a text, a thought, or what has some of them in it. */
function pieces(item) {
  const own = item?.text ?? item?.thinking;
  return typeof own === 'string' ? [own] : list(item?.content).flatMap(pieces);
}

/**
 * The texts in an answer's JSON, in the form of any of the APIs, in their order: of the first choice, calls of tools
 * left out, whose arguments are not said as they were signed. Empty where it shows none.
 */
export function shownTexts(json) {
  const choice = list(json.choices)[0];
  const all = choice
    ? [choice.message?.reasoning_content, choice.message?.content ?? choice.text]
    : [...list(json.output), ...list(json.content)].flatMap(pieces);
  return all.filter((text) => typeof text === 'string' && text !== '');
}

/**
 * How they stand to the signed text: `same`, up to a stop text that ended it; `part`, where each stands in it, in this
 * order, and something else does too, as marks of reasoning and of calls do; `other`.
 */
export function compare(shown, signed, stopTexts) {
  if (shown.length === 1 && signed.startsWith(shown[0])) {
    const rest = signed.slice(shown[0].length);
    if (rest === '' || stopTexts.some((stop) => rest.startsWith(stop))) {
      return 'same';
    }
  }
  let at = 0;
  for (const text of shown) {
    const found = signed.indexOf(text, at);
    if (found < 0) {
      return 'other';
    }
    at = found + text.length;
  }
  return 'part';
}
