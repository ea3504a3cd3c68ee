/** Fragment: click one to remove it, or with Shift to keep it only. */

import { classNote, hint, optionBar } from '../edit/options.js';
import { withKeys } from '../edit/pointer.js';
import { canEdit, chosenClass, editOnce } from '../edit/stroke.js';
import { componentAt, otherComponents } from '../mask/components.js';
import { traceContours } from '../mask/contours.js';
import { toPath } from '../viewer/outlines.js';
import { registerTool } from './registry.js';

/** @param {object} app */
export function installFragment(app) {
  registerTool(withKeys(app, fragment(app), { step: () => Math.max(1, 12 / app.view.scale) }));
}

function fragment(app) {
  /** The fragment under the pointer. */
  let hovered = { key: '', path: null };

  const place = (point) => [Math.floor(point.x), Math.floor(point.y)];

  function hover(point) {
    const { mask } = app.frames.selected;
    const k = chosenClass(app, mask);
    const [x, y] = place(point);
    const inside = x >= 0 && y >= 0 && x < mask.width && y < mask.height && mask.plane(k)[y * mask.width + x];
    const key = inside ? `${mask.version} ${k}` : '';
    if (key === hovered.key && (!inside || hovered.patch.data[at(hovered.patch.box, x, y)])) return;
    const patch = inside ? componentAt(mask.plane(k), mask.width, mask.height, x, y) : null;
    hovered = { key, patch, path: patch && outline(patch) };
    app.view.invalidate();
  }

  function click(event, point) {
    const [x, y] = place(point);
    const textKey = event.shiftKey ? 'edit.history.keepFragment' : 'edit.history.fragment';
    editOnce(app, textKey, (mask, k) => {
      const find = event.shiftKey ? otherComponents : componentAt;
      const patch = find(mask.plane(k), mask.width, mask.height, x, y);
      if (patch) mask.paint(k, patch, false);
    });
    hover(point);
  }

  return {
    id: 'fragment',
    textKey: 'edit.tool.fragment',
    icon: 'fragment',
    cursor: 'pointer',
    keys: ['g'],
    group: 'edit',
    order: 5,
    when: () => canEdit(app),
    onPointerDown(event, point) {
      if (event.button === 0 && canEdit(app)) click(event, point);
    },
    onPointerMove(event, point) {
      if (canEdit(app)) hover(point);
    },
    onPointerLeave() {
      hovered = { key: '', path: null };
      app.view.invalidate();
    },
    draw(context, view) {
      if (hovered.path) drawOutline(context, view, hovered);
    },
    buildOptions: (host) => optionBar(host, classNote(app), hint('edit.hint.fragment')),
  };
}

const at = (box, x, y) => (x < box.x0 || x >= box.x1 || y < box.y0 || y >= box.y1 ? -1 : (y - box.y0) * (box.x1 - box.x0) + x - box.x0);

const outline = ({ box, data }) => toPath(traceContours(data, box.x1 - box.x0, box.y1 - box.y0));

function drawOutline(context, view, { patch, path }) {
  const { x, y } = view.toScreen({ x: patch.box.x0, y: patch.box.y0 });
  context.translate(x, y);
  context.scale(view.scale, view.scale);
  context.lineWidth = 3 / view.scale;
  context.strokeStyle = 'white';
  context.setLineDash([5 / view.scale, 4 / view.scale]);
  context.stroke(path);
}
