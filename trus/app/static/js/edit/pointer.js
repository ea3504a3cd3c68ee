/** Points of a pointer, and one that keys move. */
import { chord } from '../keyboard.js';
import { canEdit } from './stroke.js';

const STEPS = { 'ctrl+arrowleft': [-1, 0], 'ctrl+arrowright': [1, 0], 'ctrl+arrowup': [0, -1], 'ctrl+arrowdown': [0, 1] };
const ARM = 7;

/** Where the pointer was since the event before: a fast stroke stays smooth. @returns {{x: number, y: number}[]} frame px */
export function pointsOf(event, point, view) {
  const events = event.getCoalescedEvents?.() ?? [];
  if (events.length < 2) return [point];
  const box = view.host.getBoundingClientRect();
  return events.map((each) => view.toFrame({ x: each.clientX - box.left, y: each.clientY - box.top }));
}

/**
 * Lets keys use a tool: Ctrl and the arrows move a cross over the frame, Enter presses there. `hold`: Enter presses and
 * the next Enter lets go, for tools that drag.
 * @param {object} app @param {import('../tools/registry.js').Tool} tool @param {{step: () => number, hold?: boolean}} how
 * @returns {import('../tools/registry.js').Tool}
 */
export function withKeys(app, tool, { step, hold = false }) {
  let at = null;
  let pressed = false;

  const press = (shiftKey) => ({ button: 0, buttons: 1, shiftKey, pointerType: 'keys', timeStamp: performance.now() });

  function move([dx, dy]) {
    const [height, width] = app.frames.selected.size;
    at ??= middle(app.view, width, height);
    at = { x: within(at.x + dx * step(), width), y: within(at.y + dy * step(), height) };
    tool.onPointerMove?.(press(false), at);
    app.view.invalidate();
  }

  function enter(shiftKey) {
    if (!pressed) tool.onPointerDown?.(press(shiftKey), at);
    pressed = hold && !pressed;
    if (!pressed) tool.onPointerUp?.(press(shiftKey), at);
    app.view.invalidate();
  }

  function letGo() {
    if (pressed) tool.onCancel?.();
    pressed = false;
    at = null;
  }

  return {
    ...tool,
    onKey(event) {
      if (tool.onKey?.(event)) return true;
      const key = chord(event);
      if (!canEdit(app)) return false;
      if (STEPS[key]) return move(STEPS[key]), true;
      if (at && (key === 'enter' || key === 'shift+enter')) return enter(event.shiftKey), true;
      if (pressed && key === 'escape') return letGo(), true;
      return false;
    },
    onPointerMove(event, point) {
      if (at && !pressed) at = null;
      if (!pressed) tool.onPointerMove?.(event, point);
    },
    onPointerDown(event, point) {
      letGo();
      tool.onPointerDown?.(event, point);
    },
    deactivate() {
      letGo();
      tool.deactivate?.();
    },
    draw(context, view) {
      tool.draw?.(context, view);
      if (at) drawCross(context, view.toScreen(at));
    },
  };
}

function middle(view, width, height) {
  const centre = view.toFrame({ x: view.size.width / 2, y: view.size.height / 2 });
  return { x: within(Math.round(centre.x), width), y: within(Math.round(centre.y), height) };
}

const within = (value, end) => Math.min(Math.max(value, 0), end);

function drawCross(context, { x, y }) {
  const path = new Path2D(`M${x - ARM} ${y}H${x + ARM}M${x} ${y - ARM}V${y + ARM}`);
  for (const [width, colour] of [[3, 'black'], [1, 'white']]) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke(path);
  }
}
