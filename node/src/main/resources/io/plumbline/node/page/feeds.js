// Outside facts, and the data nodes that report them.
import { badge, empty, foreign, h, heading, panel, replace, table } from './dom.js';
import { ago, decimal, duration, number, short } from './format.js';
import { section } from './live.js';

function row(feed) {
  const has = feed.value !== undefined;
  return [
    h('span', null, foreign(feed.name), ' ', short(feed.id)),
    has
      ? [h('b', null, decimal(feed.value, feed.decimals)), ' ', foreign(feed.unit)]
      : feed.stale
        ? badge('warn', 'too old')
        : '–',
    has ? `± ${decimal(feed.spread, feed.decimals)}` : '–',
    has ? ago(feed.time_ms) : '–',
    has ? [number(feed.reports), feed.outliers > 0 && h('small', null, ` · ${feed.outliers} outliers`)] : '–',
    duration(feed.round_ms),
  ];
}

/** Builds the view. */
export function build() {
  const feeds = h('div');
  const nodes = h('div');
  return {
    element: h(
      'div',
      { class: 'view' },
      heading('Feeds and data'),
      panel(
        'Feeds',
        'The median of what data nodes with a stake report, round by round. A value has an age, and none ' +
          'is shown beyond it.',
        feeds,
      ),
      panel('Data nodes', 'They keep blobs by their hash. A node’s own address lists what it keeps.', nodes),
    ),
    draw(changed) {
      if (!changed || changed === 'feeds') {
        const list = section('feeds');
        replace(
          feeds,
          list?.rows.length
            ? [
                table('Feeds', ['Feed', 'Value', 'Spread', 'Age', 'Reports', 'Round'], list.rows.map(row)),
                (list.more || list.total > list.rows.length) &&
                  h(
                    'p',
                    { class: 'note' },
                    list.more ? 'More are not shown.' : `${number(list.total - list.rows.length)} more are not shown.`,
                  ),
              ]
            : empty('No feed is declared.'),
        );
      }
      if (!changed || changed === 'data_nodes') {
        const list = section('data_nodes');
        replace(
          nodes,
          list?.rows.length
            ? table(
                'Data nodes',
                ['Node', 'Address'],
                list.rows.map((data) => [short(data.key, 16), foreign(data.address)]),
              )
            : empty('No data node is registered.'),
        );
      }
    },
  };
}
