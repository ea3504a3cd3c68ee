/** Measuring, put into the page: tools, commands, what the view draws, the panel. */

import { registerPanel } from '../panels/registry.js';
import { addMeasuringTools } from '../tools/measurers.js';
import { addMeasureOverlay } from './overlay.js';
import { buildMeasurePanel, registerMeasureCommands } from './panel.js';

/** Ruler and scale bar shown, widest diameters shown, id of the measurement chosen. */
const INITIAL = { ruler: true, diameters: false, measurement: null };

/** @param {object} app */
export function installMeasure(app) {
  app.store.set({ ...INITIAL, ...app.store.get() });
  const tools = addMeasuringTools(app);
  registerMeasureCommands(app);
  addMeasureOverlay(app, tools);
  registerPanel({ id: 'measures', textKey: 'measure.panel', order: 40, tab: 'frame', build: buildMeasurePanel });
}
