/** What the service is told of a frame that is exported. */

import { figures } from '../measure/measurement.js';
import { scaleAt } from '../measure/scale.js';
import { readMask } from '../measure/shape.js';

/**
 * One frame of `POST /app/api/exports/FORMAT`.
 *
 * @param {object} item with a mask
 * @param {string|null} study its id on the service, where the format needs the picture
 * @param {{find: (id: string) => object|undefined, patientId: string, annotator: string}} about
 */
export function exportFrame(item, study, { find, patientId, annotator }) {
  const { mask } = item;
  const [height, width] = item.size;
  const { spacing, source } = scaleAt(item, { x0: 0, y0: 0, x1: width, y1: height });
  return {
    study,
    frame: item.number,
    name: item.name,
    rows: readMask(item, () => mask.toRows()),
    size: item.size,
    spacing,
    stated: source === 'stated',
    model: mask.model,
    model_sha256: mask.sha256,
    annotator: item.annotator || annotator,
    seconds: item.seconds || null,
    corrected: item.edited,
    thresholds: thresholdsOf(mask),
    mean_probability: probabilitiesOf(item, mask),
    patient_id: patientId || null,
    measurements: item.measurements.flatMap((each) => figuresOf(item, each, find)),
  };
}

/** By class, 0 to 1: what the user set in steps of 1/256, else the model's own. @param {import('../mask/mask.js').Mask} mask */
export function thresholdsOf(mask) {
  return Object.fromEntries(mask.targets.map(({ name, threshold }, k) => {
    const set = mask.thresholds[k];
    return [name, set === null ? threshold : set / 256];
  }));
}

function probabilitiesOf(item, mask) {
  const targets = item.results.get(mask.model)?.targets ?? [];
  const known = targets.filter(({ name }) => mask.targets.some((target) => target.name === name));
  return Object.fromEntries(known.map(({ name, meanProbability }) => [name, meanProbability ?? null]));
}

function figuresOf(item, measurement, find) {
  const { scale, rows } = figures(item, measurement, find);
  const said = (kind, value, unit) => ({ kind, value, unit, spacing_source: scale.source });
  return rows.flatMap(({ key, value, second, unit }) => {
    const kind = key === 'length' ? measurement.type : key === measurement.type ? key : `${measurement.type}_${key}`;
    if (second === undefined) return [said(kind, value, unit)];
    return [said(`${measurement.type}_long`, value, unit), said(`${measurement.type}_short`, second, unit)];
  });
}
