/** The tools that change nothing but the view: moving the frame, and window and level. */

import { registerTool } from './registry.js';

/** @param {object} app */
export function installViewTools(app) {
  registerTool(panTool(app));
  registerTool(windowTool(app));
}

function panTool({ view }) {
  let last = null;
  return {
    id: 'pan',
    textKey: 'viewer.tool.pan',
    icon: 'hand',
    cursor: 'grab',
    keys: ['h'],
    group: 'view',
    order: 1,
    onPointerDown: (event) => (last = { x: event.clientX, y: event.clientY }),
    onPointerMove(event) {
      if (!last) return;
      view.pan(event.clientX - last.x, event.clientY - last.y);
      last = { x: event.clientX, y: event.clientY };
    },
    onPointerUp: () => (last = null),
    onCancel: () => (last = null),
  };
}

/** Drag: to the right widens the window (less contrast), upwards raises its centre (darker). */
function windowTool(app) {
  let start = null;
  return {
    id: 'window',
    textKey: 'viewer.tool.window',
    icon: 'contrast',
    cursor: 'crosshair',
    keys: ['w'],
    group: 'view',
    order: 2,
    onPointerDown(event) {
      const { center, width } = app.windowing.get() ?? { center: 127.5, width: 255 };
      start = { x: event.clientX, y: event.clientY, center, width };
    },
    onPointerMove(event) {
      if (!start) return;
      const width = Math.min(Math.max(start.width + (event.clientX - start.x), 1), 510);
      const center = Math.min(Math.max(start.center - (event.clientY - start.y) / 2, -127), 383);
      app.windowing.set({ center, width });
    },
    onPointerUp: () => (start = null),
    onCancel: () => (start = null),
  };
}
