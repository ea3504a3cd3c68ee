/** What was measured by hand in a frame: callipers, ellipses, angles, and volumes from two planes. */

import { newId } from '../ids.js';
import { angle, boxOf, distance, ellipse, ellipsoidVolume } from './geometry.js';
import { IN_PIXELS, scaleAt } from './scale.js';
import { shapeOf } from './shape.js';

/**
 * @typedef {object} Measurement
 * @property {string} id
 * @property {'calliper'|'ellipse'|'angle'|'volume'} type
 * @property {{x: number, y: number}[]} points in frame pixels; none for a volume
 * @property {Axis[]} [axes] of a volume: width, height, length
 */
/**
 * @typedef {object} Axis one diameter of an ellipsoid: a calliper of a frame, or a diameter of a class's mask
 * @property {string} itemId
 * @property {string} [measurementId]
 * @property {number} [value] label value of the class
 * @property {'widest'|'across'} [which]
 */

/** The number that a measurement bears on the picture and in lists, from 1; of a new one the next. */
export function numberOf(item, measurement) {
  const placed = item.measurements.filter((each) => each.points.length);
  const place = placed.findIndex((each) => each.id === measurement.id);
  return (place < 0 ? placed.length : place) + 1;
}

export function newMeasurement(type, content) {
  return { id: newId(), type, points: [], ...content };
}

/**
 * Its figures: `[{key, value, unit}]`, unit mm, mm2, px, px2, degree or mL; `scale` as of `scaleAt`.
 *
 * @param {object} item the frame that it lies in
 * @param {Measurement} measurement
 * @param {(id: string) => object|undefined} find frames by their id, for volumes
 */
export function figures(item, measurement, find) {
  if (measurement.type === 'volume') return volumeFigures(measurement, find);
  const scale = scaleAt(item, boxOf(measurement.points));
  const [length, area] = scale.spacing ? ['mm', 'mm2'] : ['px', 'px2'];
  const spacing = scale.spacing ?? IN_PIXELS;
  const [a, b, c] = measurement.points;
  if (measurement.type === 'calliper') return { scale, rows: [{ key: 'length', value: distance(a, b, spacing), unit: length }] };
  if (measurement.type === 'angle') return { scale, rows: [{ key: 'angle', value: angle(a, b, c, spacing), unit: 'degree' }] };
  const found = ellipse([a, b, c], spacing);
  const [first, second] = found.axes;
  const rows = [
    { key: 'area', value: found.area, unit: area },
    { key: 'perimeter', value: found.perimeter, unit: length },
    { key: 'axes', value: Math.max(first, second), second: Math.min(first, second), unit: length },
  ];
  return { scale, rows };
}

/** Length in mm of a volume's axis, and where it is from; `length` is null where it is gone or not certain in mm. */
export function axisLength(axis, find) {
  const item = find(axis.itemId);
  if (!item) return { length: null, source: null, item: null };
  if (axis.measurementId) {
    const calliper = item.measurements.find((each) => each.id === axis.measurementId);
    if (!calliper) return { length: null, source: null, item };
    const { scale, rows } = figures(item, calliper, find);
    return { length: scale.spacing ? rows[0].value : null, source: scale.source, item };
  }
  const shape = shapeOf(item, axis.value);
  const found = shape?.unit === 'mm' ? shape[axis.which] : null;
  return { length: found?.length ?? null, source: found ? shape.source : null, item };
}

function volumeFigures(measurement, find) {
  const axes = measurement.axes.map((axis) => axisLength(axis, find));
  const lengths = axes.map((axis) => axis.length);
  const certain = lengths.every((length) => length !== null);
  const source = axes.some((axis) => axis.source === 'stated') ? 'stated' : 'file';
  const scale = { spacing: null, source: certain ? source : null, note: certain ? null : 'measure.note.volume', detail: '' };
  return { scale, axes, rows: [{ key: 'volume', value: certain ? ellipsoidVolume(lengths) : null, unit: 'mL' }] };
}
