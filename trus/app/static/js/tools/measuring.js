/** Tools that measure by points: drag to make one, drag its ends to change it. */

import { addMeasurement, removeMeasurement, replaceMeasurement } from '../measure/actions.js';
import { drawMeasurement } from '../measure/drawing.js';
import { handleAt, within } from '../measure/handles.js';
import { newMeasurement } from '../measure/measurement.js';
import { look } from '../measure/overlay.js';

const SHORTEST = 3;
const STEPS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };

/**
 * A measuring tool. Pressed and dragged, or two clicks; the points after the second are put where `rest` says and can
 * be dragged then.
 *
 * @param {object} app
 * @param {{id: string, textKey: string, icon: string, keys: string[], rest: (a: object, b: object) => object[]}} kind
 */
export function measuringTool(app, { id, textKey, icon, keys, rest }) {
  /** What is being drawn or moved: `index` of the point that follows the pointer; `fresh` while it is not yet kept. */
  let going = null;
  const item = () => app.frames.selected;
  const redraw = () => app.view.invalidate();
  const choose = (chosen) => app.store.set({ measurement: chosen });

  function begin(point) {
    const points = [point, { ...point }];
    going = { fresh: true, clicked: false, index: 1, measurement: newMeasurement(id, { points: [...points, ...rest(...points)] }) };
  }

  function put(point) {
    const points = going.measurement.points.map((each, i) => (i === going.index ? point : each));
    if (going.fresh) points.splice(2, points.length, ...rest(points[0], points[1]));
    going.measurement = { ...going.measurement, points };
    redraw();
  }

  function keep() {
    const { fresh, measurement } = going;
    going = null;
    if (fresh) addMeasurement(app, item(), measurement);
    else replaceMeasurement(app, item(), measurement);
    choose(measurement.id);
  }

  function isShort() {
    const [a, b] = going.measurement.points.map((point) => app.view.toScreen(point));
    return Math.hypot(a.x - b.x, a.y - b.y) < SHORTEST;
  }

  function take(handle) {
    const measurement = item().measurements.find((each) => each.id === handle.id);
    going = { fresh: false, index: handle.index, measurement };
    choose(handle.id);
  }

  const chosen = () => item()?.measurements.find((each) => each.id === app.store.get().measurement);

  function onKey(event, pressed) {
    if (pressed === 'escape') return going ? ((going = null), redraw(), true) : false;
    if (pressed === 'enter') return addInTheMiddle(), true;
    const measurement = chosen();
    if (!measurement) return false;
    if (pressed === 'delete' || pressed === 'backspace') return removeMeasurement(app, item(), measurement.id), true;
    return nudge(measurement, pressed);
  }

  /** Arrow keys move the last point, with Alt the first; with Shift ten pixels. */
  function nudge(measurement, pressed) {
    const parts = pressed.split('+');
    const step = STEPS[parts.at(-1)];
    if (!step || parts.includes('ctrl')) return false;
    const far = parts.includes('shift') ? 10 : 1;
    const index = parts.includes('alt') ? 0 : 1;
    const old = measurement.points[index];
    const moved = within({ x: old.x + step[0] * far, y: old.y + step[1] * far }, item().size);
    const points = measurement.points.map((point, i) => (i === index ? moved : point));
    replaceMeasurement(app, item(), { ...measurement, points });
    return true;
  }

  function addInTheMiddle() {
    const [height, width] = item().size;
    const ends = [0.4, 0.6].map((share) => ({ x: width * share, y: height / 2 }));
    const measurement = newMeasurement(id, { points: [...ends, ...rest(...ends)] });
    addMeasurement(app, item(), measurement);
    choose(measurement.id);
  }

  return {
    id,
    textKey,
    icon,
    keys,
    cursor: 'crosshair',
    onPointerDown(event, point) {
      if (event.button !== 0 || !item()) return;
      if (going?.clicked) return put(within(point, item().size));
      const handle = handleAt(item().measurements, point, app.view, event.pointerType === 'touch');
      if (handle) take(handle);
      else begin(within(point, item().size));
    },
    onPointerMove(event, point) {
      if (going) put(within(point, item().size));
    },
    onPointerUp() {
      if (!going) return;
      if (going.fresh && !going.clicked && isShort()) going.clicked = true;
      else keep();
    },
    onKey,
    draw(context, view) {
      if (going) drawMeasurement(context, view, item(), going.measurement, look(true));
    },
    /** The measurement that is being moved, which is not drawn where it was. */
    get moving() {
      return going && !going.fresh ? going.measurement.id : null;
    },
  };
}
