/** The panel of measurements: the masks' sizes, what was measured by hand, and the scale that all of it rests on. */

import { button, toggle } from '../controls.js';
import { fill, h } from '../dom.js';
import { number, onLanguage, t } from '../i18n.js';
import { icon } from '../icons.js';
import { register } from '../keyboard.js';
import { noteText } from '../notes.js';
import { removeMeasurement } from './actions.js';
import { figures, numberOf } from './measurement.js';
import { frameScale, mayState } from './scale.js';
import { shapes } from './shape.js';
import { openSpacingDialog } from './spacing_dialog.js';
import { openVolumeDialog } from './volume_dialog.js';
import { figure, markOf, quantity, row, scaleNote, spacingText } from './words.js';

const SETTLED_MS = 250;

/** Commands of measuring, beside the tools. @param {object} app */
export function registerMeasureCommands(app) {
  const shown = () => app.frames.selected !== null;
  const flip = (key) => () => app.store.set({ [key]: !app.store.get()[key] });
  const command = (id, textKey, icon, key, run, when) => register({ id, textKey, icon, keys: [key], group: 'measure', when, run });
  command('measure.ruler', 'measure.ruler', 'ruler', 'shift+r', flip('ruler'));
  command('measure.diameters', 'measure.diameters', 'calliper', 'shift+d', flip('diameters'));
  command('measure.volume', 'measure.volume', 'volume', 'shift+v', () => openVolumeDialog(app), shown);
  command('measure.spacing', 'measure.spacing.state', 'ruler', 'shift+s', () => openSpacingDialog(app), shown);
}

/** @param {HTMLElement} host @param {object} app */
export function buildMeasurePanel(host, app) {
  const body = h('div', { class: 'measures' });
  const switches = ['ruler', 'diameters'].map((key) => storeSwitch(app, key));
  follow(app, () => {
    if (host.offsetParent) fill(body, ...content(app));
    if (app.store.get().diameters && app.frames.selected) shapes(app.frames.selected);
    app.view.invalidate();
  });
  host.append(body, ...switches);
}

function storeSwitch({ store }, key) {
  const change = (value) => store.set({ [key]: value });
  const { element, set } = toggle({ textKey: `measure.${key}`, value: store.get()[key], change });
  store.on(key, (state) => set(state[key]));
  return element;
}

/** Measures and writes anew when something changed; a stroke or a slider in motion is waited for. */
function follow(app, render) {
  let timer = 0;
  let endMask = () => undefined;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(render, SETTLED_MS);
  };
  const listen = () => {
    endMask();
    endMask = app.frames.selected?.mask?.onChange(soon) ?? (() => undefined);
    soon();
  };
  app.frames.on('select', listen);
  app.frames.on('item', (item, what) => {
    if (item === app.frames.selected) what === 'mask' ? listen() : soon();
  });
  app.store.on(['colours', 'measurement', 'tab', 'closedPanels', 'diameters'], soon);
  onLanguage(render);
}

function content(app) {
  const item = app.frames.selected;
  if (!item) return [h('p', { class: 'hint', t: 'measure.nothing' })];
  return [scaleLine(app, item), classTable(app, item), handList(app, item), notes(app, item)];
}

function scaleLine(app, item) {
  const scale = frameScale(item);
  const stated = scale.source === 'stated';
  const key = scale.spacing ? `measure.spacing.${scale.source}` : 'measure.spacing.none';
  const source = h('span', { class: stated ? 'badge' : 'hint', t: key });
  const text = h('p', { class: 'grow' }, scale.spacing ? `${spacingText(scale.spacing)} ` : '', source);
  const change = mayState(item)
    ? button({ textKey: stated ? 'measure.spacing.change' : 'measure.spacing.state', class: 'is-small', run: () => openSpacingDialog(app) })
    : null;
  const why = scale.spacing ? null : h('p', { class: 'hint' }, noteText(scale.detail));
  return h('div', { class: 'measure-scale' }, h('div', { class: 'row' }, text, change), why);
}

function classTable(app, item) {
  const list = shapes(item);
  if (!list) return h('p', { class: 'hint', t: 'measure.noMask' });
  const head = ['area', 'perimeter', 'diameters'].map((each) => h('th', { scope: 'col', t: `measure.column.${each}` }));
  const bodies = list.map((shape, k) => classRows(app, shape, k));
  return h('table', { class: 'figures', tLabel: 'measure.classes' }, h('thead', {}, h('tr', {}, ...head)), ...bodies);
}

function classRows(app, shape, k) {
  const swatch = h('span', { class: 'class-dot', style: { '--dot': app.colours.of(shape.name, k) } });
  const name = h('span', { translate: 'no' }, shape.name + (shape.pixels ? markOf(shape) : ''));
  const parts = shape.parts > 1 ? h('small', { class: 'hint', t: 'measure.parts', vars: { n: shape.parts } }) : null;
  const nothing = shape.pixels ? null : h('small', { class: 'hint', t: 'measure.empty' });
  const title = h('tr', {}, h('th', { scope: 'rowgroup', colspan: 3 }, swatch, name, parts, nothing));
  return h('tbody', {}, title, shape.pixels ? h('tr', {}, ...classFigures(shape).map((each) => h('td', {}, each))) : null);
}

function classFigures(shape) {
  const across = { value: shape.widest.length, second: shape.across.length, unit: shape.unit };
  return [quantity(shape.area, shape.areaUnit), quantity(shape.perimeter, shape.unit), row(across)];
}

function handList(app, item) {
  const rows = item.measurements.map((each) => handRow(app, item, each));
  const list = rows.length ? h('ul', { class: 'hand-list' }, ...rows) : h('p', { class: 'hint', t: 'measure.byHand.none' });
  const volume = button({ textKey: 'measure.volume.new', icon: 'volume', class: 'is-small', run: () => openVolumeDialog(app) });
  return h('div', {}, h('h3', { t: 'measure.byHand' }), list, volume);
}

function handRow(app, item, measurement) {
  const { scale, rows, axes } = figures(item, measurement, (id) => app.frames.get(id));
  const chosen = app.store.get().measurement === measurement.id;
  const place = measurement.points.length ? `${numberOf(item, measurement)} · ` : '';
  const name = h('span', { class: 'grow' }, place, h('span', { t: `measure.type.${measurement.type}` }));
  const values = h('span', { class: 'hand-values' }, ...rows.map((each) => h('span', {}, row(each) + markOf(scale))));
  const choose = () => app.store.set({ measurement: measurement.id });
  const pressed = { class: 'hand-face', 'aria-pressed': String(chosen), on: { click: choose } };
  const face = h('button', { type: 'button', ...pressed }, icon(measurement.type, 16), name, values);
  const remove = button({ titleKey: 'measure.remove', icon: 'trash', class: 'is-small', run: () => removeMeasurement(app, item, measurement.id) });
  return h('li', {}, h('div', { class: 'row' }, face, remove), axes && h('small', { class: 'hint' }, madeOf(app, axes)));
}

/** The lengths of a volume and the frames that they were measured in. */
function madeOf(app, axes) {
  const lengths = axes.map(({ length }) => (length === null ? '–' : figure(length, 'mm'))).join(' × ');
  const frames = axes.map(({ item }) => (item ? number(app.frames.list.indexOf(item) + 1) : '–')).join(', ');
  return `π/6 × ${lengths} ${t('measure.unit.mm')} · ${t('measure.volume.frames', { frames })}`;
}

/** Why some lengths are in pixels, and what the mark of stated ones means: each reason once. */
function notes(app, item) {
  const ofMasks = (shapes(item) ?? []).filter((shape) => shape.pixels);
  const byHand = item.measurements.map((each) => figures(item, each, (id) => app.frames.get(id)).scale);
  const said = new Set([...ofMasks, ...byHand].map(scaleNote).filter(Boolean));
  return h('div', {}, ...[...said].map((note) => h('p', { class: 'hint' }, note)));
}
