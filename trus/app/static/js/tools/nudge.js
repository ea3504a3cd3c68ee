/** Contour nudging: push the outline with the pointer. */

import { pointsOf, withKeys } from '../edit/pointer.js';
import { drawRing } from '../edit/ring.js';
import { classNote, hint, optionBar, radiusOption } from '../edit/options.js';
import { wheelResizes } from '../edit/sizes.js';
import { Stroke, canEdit } from '../edit/stroke.js';
import { Nudge } from '../mask/nudge.js';
import { registerTool } from './registry.js';

/** @param {object} app */
export function installNudge(app) {
  registerTool(withKeys(app, nudge(app), { step: () => Math.max(1, app.store.get().nudgeRadius / 8), hold: true }));
}

function nudge(app) {
  /** @type {{stroke: Stroke, warp: Nudge, last: {x: number, y: number}} | null} */
  let going = null;
  let pointer = null;

  function push(point) {
    const { stroke, warp, last } = going;
    const moved = warp.push(last, point, app.store.get().nudgeRadius);
    going.last = point;
    if (!moved) return;
    stroke.restore(moved.box); // what this drag took from other classes on its way is given back
    stroke.mask.replace(stroke.k, moved);
  }

  function end(how) {
    going?.stroke[how]();
    going = null;
  }

  return {
    id: 'nudge',
    textKey: 'edit.tool.nudge',
    icon: 'nudge',
    cursor: 'none',
    keys: ['n'],
    group: 'edit',
    order: 4,
    when: () => canEdit(app),
    onPointerDown(event, point) {
      if (going || event.button !== 0 || !canEdit(app) || app.history.held) return;
      const stroke = new Stroke(app, 'edit.history.nudge');
      going = { stroke, warp: new Nudge(stroke.mask.plane(stroke.k), stroke.mask.width, stroke.mask.height), last: point };
    },
    onPointerMove(event, point) {
      pointer = point;
      if (going) for (const each of pointsOf(event, point, app.view)) push(each);
      app.view.invalidate();
    },
    onPointerUp: () => end('finish'),
    onCancel: () => end('cancel'),
    onPointerLeave() {
      pointer = null;
      app.view.invalidate();
    },
    onWheel: (event) => wheelResizes(app, 'nudgeRadius', event),
    deactivate: () => end('finish'),
    draw(context, view) {
      if (pointer && canEdit(app)) drawRing(context, view, pointer, app.store.get().nudgeRadius, 'white', going ? [] : [2, 3]);
    },
    buildOptions: (host) => optionBar(host, classNote(app), radiusOption(app, 'nudgeRadius', 'edit.reach'), hint('edit.hint.nudge')),
  };
}
