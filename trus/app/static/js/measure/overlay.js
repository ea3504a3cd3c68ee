/** What the view shows of measures: those made by hand, the widest diameters, the ruler. */

import { drawDiameter, drawMeasurement } from './drawing.js';
import { drawRuler } from './ruler.js';
import { measuredShapes } from './shape.js';

/** Colours of the tokens: read when the theme changes only. */
let colours = null;

export function look(chosen = false) {
  colours ??= readColours();
  return { ...colours, colour: chosen ? colours.chosen : colours.colour };
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(`--measure-${name}`).trim();
  return { colour: token('line'), chosen: token('chosen'), edge: token('edge'), plate: token('plate') };
}

/** @param {object} app @param {object[]} tools the measuring ones */
export function addMeasureOverlay(app, tools) {
  app.store.on('theme', () => (colours = null));
  app.store.on(['diameters', 'measurement'], () => app.view.invalidate());
  app.store.on('ruler', () => app.view.invalidateAll());
  app.frames.on('item', (item, what) => {
    if (item === app.frames.selected && (what === 'measurements' || what === 'spacing')) app.view.invalidateAll();
  });
  app.view.addOverlay({
    layer: 'picture',
    draw(context, view) {
      if (view.item && app.store.get().ruler) drawRuler(context, view, view.item, view.size, look());
    },
  });
  app.view.addOverlay({
    draw(context, view) {
      const { item } = view;
      if (!item) return;
      const { diameters, measurement } = app.store.get();
      if (diameters) drawDiameters(context, view, item);
      const moving = tools.map((tool) => tool.moving).find(Boolean);
      for (const each of item.measurements) {
        const chosen = each.id === measurement;
        if (each.points.length && each.id !== moving) drawMeasurement(context, view, item, each, { ...look(chosen), chosen });
      }
    },
  });
}

/** Those measured last: while a stroke goes on there are none. */
function drawDiameters(context, view, item) {
  for (const { widest, across } of measuredShapes(item) ?? []) {
    for (const diameter of [widest, across]) if (diameter) drawDiameter(context, view, diameter, look());
  }
}
