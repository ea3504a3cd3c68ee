/** What a report says of a frame, as plain values that the report's page writes in its language. */

import { thresholdsOf } from '../export/request.js';
import { axisLength, figures, numberOf } from '../measure/measurement.js';
import { frameScale } from '../measure/scale.js';
import { shapes } from '../measure/shape.js';
import { drawReport } from './picture.js';

/**
 * @param {object} app
 * @param {object} item with a mask
 * @returns {Promise<object>} plain values and one picture as a Blob
 */
export async function describe(app, item) {
  const { mask } = item;
  const { session, annotator } = app.store.get();
  const result = item.results.get(mask.model);
  return {
    name: item.name,
    size: item.size,
    scale: frameScale(item),
    classes: classesOf(app, item, result),
    measurements: item.measurements.map((each) => measurementOf(app, item, each)),
    model: { name: mask.model, sha256: mask.sha256, synthetic: Boolean(app.models.get(mask.model)?.synthetic) },
    corrected: item.edited,
    annotator: item.annotator || annotator || '',
    warnings: (result?.warnings ?? []).map(({ code, detail }) => ({ code, detail })),
    date: new Date(),
    version: session?.version ?? '',
    picture: await drawReport(app, item),
  };
}

function classesOf(app, item, result) {
  const thresholds = thresholdsOf(item.mask);
  return shapes(item).map((shape, k) => ({
    ...shape,
    colour: app.colours.of(shape.name, k),
    threshold: thresholds[shape.name],
    probability: result?.targets.find((target) => target.name === shape.name)?.meanProbability ?? null,
  }));
}

function measurementOf(app, item, measurement) {
  const find = (id) => app.frames.get(id);
  const { scale, rows } = figures(item, measurement, find);
  const axes = (measurement.axes ?? []).map((axis) => {
    const { length, item: of } = axisLength(axis, find);
    return { length, name: of?.name ?? '', number: of ? app.frames.list.indexOf(of) + 1 : null };
  });
  return { number: measurement.points.length ? numberOf(item, measurement) : null, type: measurement.type, scale, rows, axes };
}
