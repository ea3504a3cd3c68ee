/** What became of frames that went into the training folder. */

import { h } from '../dom.js';

const MOST_REFUSED = 6;

/** @param {{folder: string, frames: number, new: number, replaced: number, unchanged: number, refused: object[], kept: object[]}} saved */
export function summary(saved) {
  const { folder, frames, replaced, unchanged } = saved;
  const regions = saved.kept.filter((each) => each.part !== 'whole picture').length;
  return h(
    'div',
    { class: 'export-summary' },
    h('p', {}, h('strong', { t: 'export.saved.folder', vars: { n: frames } })),
    h('p', { class: 'hint' }, h('code', { translate: 'no' }, folder)),
    h('p', { class: 'hint', t: 'export.saved.counts', vars: { new: saved.new, replaced, unchanged } }),
    regions ? h('p', { class: 'hint', t: 'export.saved.regions', vars: { n: regions } }) : null,
    saved.refused.length ? refusedList(saved.refused) : null,
  );
}

function refusedList(refused) {
  const rows = refused.slice(0, MOST_REFUSED).map(({ name, reason }) =>
    h('li', {}, h('strong', { translate: 'no' }, name), ' ', h('span', { t: `export.refused.${reason}` })),
  );
  return h('div', { class: 'export-refused' }, h('p', { t: 'export.refused', vars: { n: refused.length } }), h('ul', {}, ...rows));
}
