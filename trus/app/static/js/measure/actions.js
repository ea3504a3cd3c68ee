/** Changes of measurements and of stated spacings: every one can be undone, also after a reload. */

import { fieldsAction } from '../edit/actions.js';
import { mayState } from './scale.js';

function put(app, item, list, textKey) {
  app.history.run(fieldsAction(app, textKey, 'measurements', [{ item, field: 'measurements', value: list }]));
}

export function addMeasurement(app, item, measurement) {
  put(app, item, [...item.measurements, measurement], `measure.history.${measurement.type}`);
}

/** Puts a measurement in the place of the one with its id. */
export function replaceMeasurement(app, item, measurement) {
  const list = item.measurements.map((each) => (each.id === measurement.id ? measurement : each));
  put(app, item, list, 'measure.history.move');
}

export function removeMeasurement(app, item, id) {
  put(app, item, item.measurements.filter((each) => each.id !== id), 'measure.history.remove');
}

/**
 * States a spacing by hand, or takes it back, for every frame of the list whose file says nothing.
 *
 * @param {object} app
 * @param {object[]} items
 * @param {[number, number]|null} spacing mm between rows and between columns
 */
export function stateSpacing(app, items, spacing) {
  const values = items.filter(mayState).map((item) => ({ item, field: 'statedSpacing', value: spacing }));
  if (values.length) app.history.run(fieldsAction(app, 'measure.history.spacing', 'spacing', values));
}
