/** Brush and eraser: the same round stamp, forced on or off; the right button does the opposite. */

import { Stroke, canEdit, chosenClass } from '../edit/stroke.js';
import { pointsOf, withKeys } from '../edit/pointer.js';
import { drawRing } from '../edit/ring.js';
import { wheelResizes } from '../edit/sizes.js';
import { classNote, hint, optionBar, radiusOption } from '../edit/options.js';
import { stamp } from '../mask/stamp.js';
import { registerTool } from './registry.js';

const SOFTEST = 0.4; // share of the radius at the lightest touch of a pen

/** @param {object} app */
export function installBrushes(app) {
  for (const kind of [
    { id: 'brush', on: true, keys: ['b'], order: 1 },
    { id: 'eraser', on: false, keys: ['e'], order: 2 },
  ]) {
    registerTool(withKeys(app, brush(app, kind), { step: () => Math.max(1, app.store.get().brushRadius / 2) }));
  }
}

function brush(app, { id, on, keys, order }) {
  /** @type {{stroke: Stroke, on: boolean, last: {x: number, y: number}} | null} */
  let going = null;
  let pointer = null;

  function paint(event, point) {
    const { stroke, last } = going;
    const part = stamp(last, point, radiusOf(app, event), stroke.mask.width, stroke.mask.height);
    if (part) stroke.mask.paint(stroke.k, part, going.on);
    going.last = point;
  }

  function end(how) {
    going?.stroke[how]();
    going = null;
  }

  return {
    id,
    textKey: `edit.tool.${id}`,
    icon: id,
    cursor: 'none',
    keys,
    group: 'edit',
    order,
    when: () => canEdit(app),
    onPointerDown(event, point) {
      if (going || !canEdit(app) || app.history.held || (event.button !== 0 && event.button !== 2)) return;
      const paints = event.button === 0 && !event.shiftKey ? on : !on;
      going = { stroke: new Stroke(app, paints ? 'edit.history.brush' : 'edit.history.eraser'), on: paints, last: point };
      paint(event, point);
    },
    onPointerMove(event, point) {
      pointer = point;
      if (going) for (const each of pointsOf(event, point, app.view)) paint(event, each);
      app.view.invalidate();
    },
    onPointerUp: () => end('finish'),
    onCancel: () => end('cancel'),
    onPointerLeave() {
      pointer = null;
      app.view.invalidate();
    },
    onWheel: (event) => wheelResizes(app, 'brushRadius', event),
    deactivate: () => end('finish'),
    draw(context, view) {
      const { mask } = app.frames.selected ?? {};
      if (!pointer || !mask) return;
      const k = chosenClass(app, mask);
      drawRing(context, view, pointer, app.store.get().brushRadius, app.colours.of(mask.names[k], k), (going?.on ?? on) ? [] : [4, 3]);
    },
    buildOptions: (host) => optionBar(host, classNote(app), radiusOption(app, 'brushRadius', 'edit.radius'), hint(`edit.hint.${id}`)),
  };
}

function radiusOf(app, event) {
  const radius = app.store.get().brushRadius;
  if (event.pointerType !== 'pen' || !event.pressure) return radius;
  return radius * (SOFTEST + (1 - SOFTEST) * event.pressure);
}
