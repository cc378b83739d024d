// Stakes that were lost, and by what.
import { badge, empty, foreign, h, heading, panel, replace } from './dom.js';
import { ago, number, short } from './format.js';
import { section } from './live.js';

function card(slash) {
  return h(
    'li',
    { class: 'card bad' },
    h('header', null, badge('bad', slash.role), short(slash.key, 16), slash.time_ms > 0 && ago(slash.time_ms)),
    h('p', null, foreign(slash.what)),
    slash.reasons?.length > 0 &&
      h(
        'p',
        null,
        'Verdicts: ',
        slash.reasons.map((reason, i) => [i > 0 && ', ', foreign(reason)]),
      ),
    slash.request &&
      h(
        'p',
        { class: 'note' },
        'Request ',
        short(slash.request),
        '. The evidence lies in the folder ',
        h('code', null, 'evidence'),
        ' of the full nodes that found it; ',
        h('code', null, './plumbline verify FILE'),
        ' checks it offline.',
      ),
    slash.block !== undefined &&
      h(
        'p',
        { class: 'note' },
        `Seen in block ${number(slash.block)}, signed by ${slash.signatures} of ${slash.full_nodes} full ` + `nodes.`,
      ),
  );
}

/** Builds the view. */
export function build() {
  const list = h('div');
  return {
    element: h(
      'div',
      { class: 'view' },
      heading('Slashes'),
      panel(
        'Stakes that were lost',
        'Only evidence that the ledger’s own rules check takes a stake; no majority’s word does.',
        list,
      ),
    ),
    draw(changed) {
      if (changed && changed !== 'slashes' && changed !== 'full_nodes') {
        return;
      }
      const guilty = (section('full_nodes') ?? [])
        .filter((full) => full.guilty)
        .map((full) => ({ role: 'full node', key: full.key, what: `It ${full.guilty}, and lost its bond.` }));
      const all = [...guilty, ...(section('slashes') ?? [])];
      replace(
        list,
        all.length
          ? h('ul', { class: 'cards' }, all.map(card))
          : empty('None has been, as far as this server has seen.'),
      );
    },
  };
}
