/** Changes of measurements and of stated spacings: every one can be undone. */

import { mayState } from './scale.js';

/** Replaces the measurements of a frame. @param {object} app @param {object} item @param {object[]} list */
function change(app, item, list, textKey) {
  const before = item.measurements;
  const put = (measurements) => {
    item.measurements = measurements;
    app.frames.changed(item, 'measurements');
  };
  app.history.run({ item, textKey, do: () => put(list), undo: () => put(before) });
}

export function addMeasurement(app, item, measurement) {
  change(app, item, [...item.measurements, measurement], `measure.history.${measurement.type}`);
}

/** Puts a measurement in the place of the one with its id. */
export function replaceMeasurement(app, item, measurement) {
  const list = item.measurements.map((each) => (each.id === measurement.id ? measurement : each));
  change(app, item, list, 'measure.history.move');
}

export function removeMeasurement(app, item, id) {
  change(app, item, item.measurements.filter((each) => each.id !== id), 'measure.history.remove');
}

/**
 * States a spacing by hand, or takes it back, for every frame of the list whose file says nothing.
 *
 * @param {object} app
 * @param {object[]} items
 * @param {[number, number]|null} spacing mm between rows and between columns
 * @returns {number} how many frames it now holds for
 */
export function stateSpacing(app, items, spacing) {
  const concerned = items.filter(mayState);
  const before = concerned.map((item) => item.statedSpacing ?? null);
  const put = (values) => {
    concerned.forEach((item, i) => {
      item.statedSpacing = values[i];
      app.frames.changed(item, 'spacing');
    });
  };
  const values = concerned.map(() => spacing);
  app.history.run({ textKey: 'measure.history.spacing', do: () => put(values), undo: () => put(before) });
  return concerned.length;
}
