/** Tools that measure by points: drag to make one, drag its ends to change it. */

import { hint, optionBar } from '../edit/options.js';
import { chord } from '../keyboard.js';
import { addMeasurement, removeMeasurement, replaceMeasurement } from '../measure/actions.js';
import { drawMeasurement } from '../measure/drawing.js';
import { handleAt, within } from '../measure/handles.js';
import { newMeasurement } from '../measure/measurement.js';
import { look } from '../measure/overlay.js';

const SHORTEST = 3;
const STEPS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };

/** Pressed and dragged, or two clicks; further points are put where `rest` says and can be dragged then. */
export class MeasuringTool {
  group = 'measure';
  cursor = 'crosshair';
  #app;
  #rest;
  /** What is drawn or moved: `index` of the point that follows the pointer, `fresh` while it is not yet kept. */
  #going = null;

  /**
   * @param {object} app
   * @param {{id: string, keys: string[], order: number, rest: (a: object, b: object) => object[]}} kind
   */
  constructor(app, { id, keys, order, rest }) {
    Object.assign(this, { id, keys, order, icon: id, textKey: `measure.tool.${id}` });
    this.#app = app;
    this.#rest = rest;
    this.when = () => this.#item !== null;
  }

  get #item() {
    return this.#app.frames.selected;
  }

  /** Id of the measurement that is being moved, which is not drawn where it was. */
  get moving() {
    return this.#going && !this.#going.fresh ? this.#going.measurement.id : null;
  }

  onPointerDown(event, point) {
    if (event.button !== 0 || !this.#item) return;
    const here = within(point, this.#item.size);
    if (this.#going?.clicked) return this.#put(here);
    const handle = handleAt(this.#item.measurements, point, this.#app.view, event.pointerType === 'touch');
    if (handle) this.#take(handle);
    else this.#begin(here);
  }

  onPointerMove(_event, point) {
    if (this.#going) this.#put(within(point, this.#item.size));
  }

  onPointerUp() {
    if (!this.#going) return;
    if (this.#going.fresh && !this.#going.clicked && this.#isShort()) this.#going.clicked = true;
    else this.#keep();
  }

  buildOptions(host) {
    optionBar(host, hint(`measure.how.${this.id}`));
  }

  onCancel() {
    this.#stop();
  }

  deactivate() {
    this.#stop();
  }

  onKey(event) {
    const used = this.#item !== null && this.#press(chord(event));
    if (used) event.preventDefault();
    return used;
  }

  #press(pressed) {
    if (pressed === 'escape') return this.#stop();
    if (pressed === 'enter') return this.#addInTheMiddle();
    const chosen = this.#item.measurements.find((each) => each.id === this.#app.store.get().measurement);
    if (!chosen) return false;
    if (pressed === 'delete' || pressed === 'backspace') return removeMeasurement(this.#app, this.#item, chosen.id), true;
    return chosen.points.length > 0 && this.#nudge(chosen, pressed);
  }

  draw(context, view) {
    if (this.#going && view.item === this.#item) drawMeasurement(context, view, this.#item, this.#going.measurement, look(true));
  }

  #begin(point) {
    const points = [point, { ...point }];
    const measurement = newMeasurement(this.id, { points: [...points, ...this.#rest(...points)] });
    this.#going = { fresh: true, clicked: false, index: 1, measurement };
  }

  #take({ id, index }) {
    this.#going = { fresh: false, index, measurement: this.#item.measurements.find((each) => each.id === id) };
    this.#choose(id);
  }

  #put(point) {
    const { measurement, index, fresh } = this.#going;
    const points = measurement.points.map((each, i) => (i === index ? point : each));
    if (fresh) points.splice(2, points.length, ...this.#rest(points[0], points[1]));
    this.#going.measurement = { ...measurement, points };
    this.#app.view.invalidate();
  }

  #keep() {
    const { fresh, measurement } = this.#going;
    this.#going = null;
    (fresh ? addMeasurement : replaceMeasurement)(this.#app, this.#item, measurement);
    this.#choose(measurement.id);
  }

  #isShort() {
    const [a, b] = this.#going.measurement.points.map((point) => this.#app.view.toScreen(point));
    return Math.hypot(a.x - b.x, a.y - b.y) < SHORTEST;
  }

  #choose(id) {
    this.#app.store.set({ measurement: id });
  }

  /** @returns {boolean} whether there was anything to stop */
  #stop() {
    const was = this.#going !== null;
    this.#going = null;
    if (was) this.#app.view.invalidate();
    return was;
  }

  #addInTheMiddle() {
    const [height, width] = this.#item.size;
    const ends = [0.4, 0.6].map((share) => ({ x: width * share, y: height / 2 }));
    this.#going = { fresh: true, measurement: newMeasurement(this.id, { points: [...ends, ...this.#rest(...ends)] }) };
    this.#keep();
    return true;
  }

  /** Arrow keys move the second point, with Ctrl the first; with Shift ten pixels. */
  #nudge(measurement, pressed) {
    const parts = pressed.split('+');
    const step = STEPS[parts.at(-1)];
    if (!step || parts.includes('alt')) return false;
    const far = parts.includes('shift') ? 10 : 1;
    const index = parts.includes('ctrl') ? 0 : 1;
    const old = measurement.points[index];
    const moved = within({ x: old.x + step[0] * far, y: old.y + step[1] * far }, this.#item.size);
    const points = measurement.points.map((point, i) => (i === index ? moved : point));
    replaceMeasurement(this.#app, this.#item, { ...measurement, points });
    return true;
  }
}
