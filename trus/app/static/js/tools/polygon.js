/** Polygon: click its corners, drag them, close it by a double click or Enter; with Shift it is cut out. */

import { chord } from '../keyboard.js';
import { classNote, hint, optionBar } from '../edit/options.js';
import { withKeys } from '../edit/pointer.js';
import { drawPolygon } from '../edit/polygon_drawing.js';
import { Stroke, canEdit, chosenClass } from '../edit/stroke.js';
import { filled } from '../mask/polygon.js';
import { registerTool } from './registry.js';

const REACH = 9;
const REACH_OF_A_FINGER = 20;
const DOUBLE_MS = 400;

/** @param {object} app */
export function installPolygon(app) {
  registerTool(withKeys(app, polygon(app), { step: () => Math.max(1, 12 / app.view.scale) }));
}

function polygon(app) {
  /** Corners in frame px, of frame `item`. */
  let corners = [];
  let item = null;
  let dragged = -1;
  let pointer = null;
  let pressed = { time: -Infinity, corner: -1 };

  const redraw = () => app.view.invalidate();

  function forget() {
    corners = [];
    dragged = -1;
    pressed = { time: -Infinity, corner: -1 };
    redraw();
  }

  function close(subtract) {
    const ring = corners.flatMap(({ x, y }) => [x, y]);
    const stroke = new Stroke(app, subtract ? 'edit.history.polygonOff' : 'edit.history.polygon');
    const part = filled([ring], stroke.mask.width, stroke.mask.height);
    if (part) stroke.mask.paint(stroke.k, part, !subtract);
    stroke.finish();
    forget();
  }

  function cornerAt(point, event) {
    const here = app.view.toScreen(point);
    const reach = event.pointerType === 'touch' ? REACH_OF_A_FINGER : REACH;
    return corners.findIndex((corner) => {
      const there = app.view.toScreen(corner);
      return Math.hypot(there.x - here.x, there.y - here.y) <= reach;
    });
  }

  /** Pressing the first corner, or the last one again within a moment, closes. */
  function closes(corner, event) {
    if (corners.length < 3) return false;
    return corner === 0 || (corner === pressed.corner && event.timeStamp - pressed.time < DOUBLE_MS);
  }

  function press(event, point) {
    if (item !== app.frames.selected) forget();
    item = app.frames.selected;
    const corner = cornerAt(point, event);
    if (closes(corner, event)) return close(event.shiftKey);
    dragged = corner >= 0 ? corner : corners.push(point) - 1;
    pressed = { time: event.timeStamp, corner: dragged };
    return redraw();
  }

  function onKey(event) {
    const key = chord(event);
    if (!corners.length || item !== app.frames.selected) return false;
    if ((key === 'enter' || key === 'shift+enter') && corners.length > 2) return enter(event);
    if (key === 'escape') return forget(), true;
    if (key === 'backspace' || key === 'ctrl+z') return corners.pop(), redraw(), true;
    return false;
  }

  /** A cross that keys moved away first sets a corner; Enter there again closes. */
  function enter(event) {
    const last = corners.at(-1);
    if (pointer?.keys && Math.hypot(pointer.x - last.x, pointer.y - last.y) > 0.5) return false;
    close(event.shiftKey);
    return true;
  }

  return {
    id: 'polygon',
    textKey: 'edit.tool.polygon',
    icon: 'polygon',
    cursor: 'crosshair',
    keys: ['p'],
    group: 'edit',
    order: 3,
    when: () => canEdit(app),
    onKey,
    onPointerDown(event, point) {
      if (event.button === 0 && canEdit(app) && !app.history.held) press(event, point);
    },
    onPointerMove(event, point) {
      pointer = { ...point, keys: event.pointerType === 'keys' };
      if (dragged >= 0) corners[dragged] = point;
      redraw();
    },
    onPointerUp: () => (dragged = -1),
    onCancel: () => (dragged = -1),
    onPointerLeave() {
      pointer = null;
      redraw();
    },
    draw(context, view) {
      const { mask } = app.frames.selected ?? {};
      if (!mask || item !== app.frames.selected || !corners.length) return;
      const k = chosenClass(app, mask);
      drawPolygon(context, corners.map((each) => view.toScreen(each)), pointer && view.toScreen(pointer), app.colours.of(mask.names[k], k));
    },
    buildOptions: (host) => optionBar(host, classNote(app), hint('edit.hint.polygon')),
  };
}
