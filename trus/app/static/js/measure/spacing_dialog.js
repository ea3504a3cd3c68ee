/** Stating by hand how long a pixel is: by numbers, or by a calliper whose length is known. */

import { segmented } from '../controls.js';
import { openDialog } from '../dialog.js';
import { h } from '../dom.js';
import { number, t } from '../i18n.js';
import { stateSpacing } from './actions.js';
import { distance } from './geometry.js';
import { numberOf } from './measurement.js';
import { IN_PIXELS, mayState } from './scale.js';

const LEAST = 0.001;
const MOST = 20;

/** @param {object} app */
export function openSpacingDialog(app) {
  const item = app.frames.selected;
  if (!mayState(item)) return app.say('measure.spacing.fromFile');
  const callipers = item.measurements.filter((each) => each.type === 'calliper');
  const [rows, columns, length] = ['rows', 'columns', 'length'].map((name) => millimetres(`measure.spacing.${name}`));
  const fields = { rows, columns, length };
  const state = { way: callipers.length ? 'calliper' : 'numbers', scope: 'file' };
  const problem = h('p', { class: 'field-problem', role: 'alert' });
  if (item.statedSpacing) [fields.rows.input.value, fields.columns.input.value] = item.statedSpacing;
  const numbers = h('div', { class: 'fields' }, fields.rows.element, fields.columns.element);
  const chooser = calliperChooser(item, callipers);
  const known = callipers.length
    ? h('div', { class: 'fields' }, chooser.element, fields.length.element)
    : h('p', { class: 'hint', t: 'measure.spacing.noCalliper' });
  const show = () => ((numbers.hidden = state.way !== 'numbers'), (known.hidden = state.way !== 'calliper'));
  const ways = ['calliper', 'numbers'].map((value) => ({ value, textKey: `measure.spacing.by.${value}` }));
  const way = segmented({ labelKey: 'measure.spacing.way', options: ways, value: state.way, change: (value) => ((state.way = value), show()) });
  const scopes = ['frame', 'file', 'all'].map((value) => ({ value, textKey: `measure.spacing.scope.${value}` }));
  const scope = segmented({ labelKey: 'measure.spacing.scope', options: scopes, value: 'file', change: (value) => (state.scope = value) });
  show();
  const caution = h('p', { class: 'hint', t: 'measure.spacing.caution' });
  const head = h('h3', { class: 'field-name', t: 'measure.spacing.scope' });
  const body = h('div', { class: 'stack' }, way.element, numbers, known, head, scope.element, caution, problem);

  function save() {
    const spacing = state.way === 'numbers' ? typed(fields) : measured(callipers[chooser.index()], fields.length);
    if (!spacing) return (problem.textContent = t('measure.spacing.wrong', { least: LEAST, most: MOST })), false;
    return stateSpacing(app, concerned(app, item, state.scope), spacing);
  }
  const clear = () => stateSpacing(app, concerned(app, item, state.scope), null);
  const actions = [{ textKey: 'measure.spacing.save', primary: true, run: save }];
  if (item.statedSpacing) actions.unshift({ textKey: 'measure.spacing.clear', run: clear });
  return openDialog({ titleKey: 'measure.spacing.title', body, actions });
}

function millimetres(labelKey) {
  const input = h('input', { type: 'text', inputmode: 'decimal', class: 'number-field', autocomplete: 'off' });
  const element = h('label', { class: 'field-row' }, h('span', { class: 'grow', t: labelKey }), input, h('span', { t: 'measure.unit.mm' }));
  return { element, input };
}

function calliperChooser(item, callipers) {
  const text = (each) => number(distance(...each.points, IN_PIXELS), { maximumFractionDigits: 1 });
  const vars = (each) => ({ n: numberOf(item, each), length: text(each) });
  const options = callipers.map((each, i) => h('option', { value: i, t: 'measure.spacing.calliper', vars: vars(each) }));
  const select = h('select', { class: 'select', tLabel: 'measure.spacing.which' }, ...options);
  select.selectedIndex = callipers.length - 1;
  return { element: select, index: () => select.selectedIndex };
}

/** A number with a comma or a point; null where it is none or no possible spacing. */
export function readNumber(text, least = LEAST, most = MOST) {
  const value = Number(text.trim().replace(',', '.') || NaN);
  return value >= least && value <= most ? value : null;
}

function typed({ rows, columns }) {
  const pair = [readNumber(rows.input.value), readNumber(columns.input.value || rows.input.value)];
  return pair.includes(null) ? null : pair;
}

/** Square pixels: one length says no more. */
function measured(calliper, field) {
  const length = readNumber(field.input.value, LEAST, 1000);
  if (!calliper || length === null) return null;
  const each = length / distance(...calliper.points, IN_PIXELS);
  return each >= LEAST && each <= MOST ? [each, each] : null;
}

function concerned(app, item, scope) {
  if (scope === 'frame') return [item];
  if (scope === 'file') return app.frames.ofFile(item.fileId);
  return app.frames.list.filter((each) => each.size.join() === item.size.join());
}
