/** The filters over the table of results. */

import { h } from '../dom.js';

const STATES = ['any', 'warnings', 'corrected', 'uncorrected', 'failed', 'waiting'];

/** @param {object} app @param {import('./rows.js').Filter} filter changed in place @param {() => void} changed */
export function filterBar(app, filter, changed) {
  const text = h('input', { type: 'search', class: 'text-field', tPlaceholder: 'batch.table.filter.text', tLabel: 'batch.table.filter.text' });
  text.value = filter.text ?? '';
  text.addEventListener('input', () => ((filter.text = text.value), changed()));
  return h('div', { class: 'table-filters', role: 'search' }, text, stateSelect(filter, changed), classSelect(app, filter, changed));
}

function stateSelect(filter, changed) {
  const options = STATES.map((value) => h('option', { value: value === 'any' ? '' : value, t: `batch.table.state.${value}` }));
  const select = h('select', { class: 'select', tLabel: 'batch.table.filter.state' }, ...options);
  select.value = filter.state ?? '';
  select.addEventListener('change', () => ((filter.state = select.value), changed()));
  return select;
}

function classSelect(app, filter, changed) {
  const names = [...new Set(app.frames.list.flatMap((item) => (item.mask?.targets ?? []).map((target) => target.name)))];
  const option = (kind, name) => h('option', { value: `${kind} ${name}`, t: `batch.table.class.${kind}`, vars: { name } });
  const any = h('option', { value: '', t: 'batch.table.class.any' });
  const options = names.flatMap((name) => [option('present', name), option('absent', name)]);
  const select = h('select', { class: 'select', tLabel: 'batch.table.filter.class' }, any, ...options);
  const chosen = ['present', 'absent'].find((kind) => filter[kind]);
  select.value = chosen ? `${chosen} ${filter[chosen]}` : '';
  select.addEventListener('change', () => {
    const [kind, ...rest] = select.value.split(' ');
    Object.assign(filter, { present: '', absent: '' }, kind ? { [kind]: rest.join(' ') } : {});
    changed();
  });
  return select;
}
