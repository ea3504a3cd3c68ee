/** Ellipsoid volume from two planes: width and height in a transverse frame, length in a sagittal one. */

import { openDialog } from '../dialog.js';
import { fill, h } from '../dom.js';
import { t } from '../i18n.js';
import { addMeasurement } from './actions.js';
import { ellipsoidVolume } from './geometry.js';
import { axisLength, figures, newMeasurement, numberOf } from './measurement.js';
import { shapes } from './shape.js';
import { quantity } from './words.js';

const AXES = [
  { key: 'width', plane: 'transverse', place: 0 },
  { key: 'height', plane: 'transverse', place: 1 },
  { key: 'length', plane: 'sagittal', place: 0 },
];

/** @param {object} app */
export function openVolumeDialog(app) {
  const find = (id) => app.frames.get(id);
  const frames = { transverse: app.frames.selected, sagittal: otherWithLengths(app) };
  const choice = {};
  const result = h('output', { class: 'volume-result', 'aria-live': 'polite' });
  const rows = h('div', { class: 'fields' });

  const missing = () => {
    const any = Object.values(frames).some((item) => lengthsOf(item, find).length);
    return any ? 'measure.volume.incomplete' : 'measure.volume.noScale';
  };
  const tell = () => {
    const lengths = AXES.map(({ key }) => (choice[key] ? axisLength(choice[key], find).length : null));
    const certain = lengths.every((length) => length !== null);
    const formula = certain ? `π/6 × ${lengths.map((length) => quantity(length, 'mm')).join(' × ')} = ` : '';
    fill(result, formula, h('strong', {}, certain ? quantity(ellipsoidVolume(lengths), 'mL') : t(missing())));
  };
  const build = () => {
    fill(rows, ...['transverse', 'sagittal'].flatMap((plane) => [frameRow(app, plane, frames, build), ...axisRows(plane)]));
    tell();
  };
  const axisRows = (plane) => AXES.filter((axis) => axis.plane === plane).map((axis) => axisRow(axis, frames, find, choice, tell));
  build();
  const body = h('div', { class: 'stack' }, h('p', { class: 'hint', t: 'measure.volume.how' }), rows, result);
  const save = () => {
    const axes = AXES.map(({ key }) => choice[key]);
    if (axes.some((axis) => !axis || axisLength(axis, find).length === null)) return tell(), false;
    return addMeasurement(app, frames.transverse, newMeasurement('volume', { axes }));
  };
  return openDialog({ titleKey: 'measure.volume.title', body, actions: [{ textKey: 'measure.volume.save', primary: true, run: save }] });
}

/** The nearest other frame in which something was measured, else the shown one. */
function otherWithLengths(app) {
  const { list, selected, position } = app.frames;
  const away = (item) => Math.abs(list.indexOf(item) - position);
  const others = list.filter((item) => item !== selected && item.measurements.some((each) => each.type === 'calliper'));
  return others.sort((a, b) => away(a) - away(b))[0] ?? selected;
}

function frameRow(app, plane, frames, build) {
  const options = app.frames.list.map((item, i) => h('option', { value: item.id }, `${i + 1} · ${item.name}`));
  const select = h('select', { class: 'select', on: { change: () => ((frames[plane] = app.frames.get(select.value)), build()) } }, ...options);
  select.value = frames[plane].id;
  return h('label', { class: 'field-row is-head' }, h('span', { class: 'grow', t: `measure.volume.${plane}` }), select);
}

function axisRow({ key, plane, place }, frames, find, choice, tell) {
  const lengths = lengthsOf(frames[plane], find);
  const options = lengths.map(({ text }, i) => h('option', { value: i }, text));
  const none = h('option', { value: '', t: lengths.length ? 'measure.volume.choose' : 'measure.volume.nothing' });
  const select = h('select', { class: 'select', on: { change: () => (take(), tell()) } }, none, ...options);
  const take = () => (choice[key] = lengths[select.value]?.axis ?? null);
  const first = plane === 'sagittal' && frames.sagittal === frames.transverse ? 2 : place; // no length is used twice
  if (lengths[first]) select.value = String(first);
  take();
  return h('label', { class: 'field-row' }, h('span', { class: 'grow', t: `measure.volume.${key}` }), select);
}

/** Lengths of a frame that are certain in mm: callipers first, then the diameters of its masks. */
function lengthsOf(item, find) {
  const callipers = item.measurements.filter((each) => each.type === 'calliper');
  const byHand = callipers.map((each) => ({
    axis: { itemId: item.id, measurementId: each.id },
    text: `${t('measure.volume.calliper', { n: numberOf(item, each) })}: ${quantity(figures(item, each, find).rows[0].value, 'mm')}`,
  }));
  const ofMasks = (shapes(item) ?? []).filter((shape) => shape.widest).flatMap((shape) =>
    ['widest', 'across'].map((which) => ({
      axis: { itemId: item.id, value: shape.value, which },
      text: `${shape.name}, ${t(`measure.${which}`)}: ${quantity(shape[which].length, 'mm')}`,
    })),
  );
  return [...byHand, ...ofMasks].filter(({ axis }) => axisLength(axis, find).length !== null);
}
