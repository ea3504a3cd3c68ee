/**
 * The mask of a frame: what the model says, and the corrections over it.
 *
 * `base` follows the model and the thresholds; `edits` are what the user forced on or off, and stay when a threshold
 * moves. An outer class (gland) holds its inner ones (lesion); classes beside each other share no pixel.
 */
import { OFF, ON, basePlanes, compose } from './base.js';
import { bounds, clip, cut, isEmpty, paste, whole } from './box.js';
import { nesting } from './nesting.js';
import { pack, packedLength, toRuns, unpack } from './runs.js';

/** @typedef {import('./box.js').Box} Box @typedef {import('./box.js').Patch} Patch */

export class Mask {
  #listeners = new Set();
  #packed = null;

  /** @param {{width: number, height: number, targets: object[], contains: object, model: string, sha256: string}} frame */
  constructor({ width, height, targets, contains, model, sha256 }) {
    Object.assign(this, { width, height, model, sha256, contains: contains ?? {} });
    this.targets = targets.map(({ name, value, threshold }) => ({ name, value, threshold }));
    this.nesting = nesting(this.targets, this.contains);
    this.thresholds = this.targets.map(() => null);
    this.result = null;
    this.version = 0;
    this.versions = this.targets.map(() => 0); // of each class
  }

  /** The model's own mask. @param {object} result of the server @param {[number, number]} size H, W */
  static fromResult(result, size = result.size) {
    const mask = new Mask({ ...result, height: size[0], width: size[1] });
    mask.edits = mask.#empty();
    mask.shown = mask.#empty();
    mask.attach(result);
    return mask;
  }

  /** Px of the frame. */
  get length() {
    return this.width * this.height;
  }

  /** Names of the classes in order. */
  get names() {
    return this.targets.map((target) => target.name);
  }

  /** Give a mask that was restored its result, so that thresholds can move. One of another model is left alone. */
  attach(result) {
    if (result.sha256 !== this.sha256 || !result.planes) return;
    this.result = { planes: result.planes, labels: result.labels };
    this.#unpack();
    this.#rebuild();
    this.#changed(whole(this.width, this.height));
  }

  /** Whether thresholds can move: the probabilities are here. */
  get attached() {
    return this.result !== null;
  }

  /** The class at `k` as shown, 0 or 1 a pixel. Live: read it, never write. @returns {Uint8Array} */
  plane(k) {
    this.#unpack();
    return this.shown[k];
  }

  /** Whether it is no longer the model's own: pixels were forced, or a threshold moved. */
  get corrected() {
    return this.thresholds.some((threshold) => threshold !== null) || this.forced;
  }

  /** Whether pixels were forced on or off. */
  get forced() {
    this.#unpack();
    return this.edits.some((plane) => plane.includes(ON) || plane.includes(OFF));
  }

  /** @param {number} k @param {number | null} threshold in 1/256: on where the probability reaches it; null: the model's */
  setThreshold(k, threshold) {
    this.setThresholds(this.thresholds.map((old, j) => (j === k ? threshold : old)));
  }

  /** @param {(number | null)[]} thresholds one a class; without the probabilities they act as soon as these are here */
  setThresholds(thresholds) {
    if (thresholds.every((threshold, k) => threshold === this.thresholds[k])) return;
    this.#unpack();
    this.thresholds = [...thresholds];
    this.#rebuild();
    this.#changed(whole(this.width, this.height));
  }

  /** Back to the model's mask: no corrections, its own thresholds. */
  reset() {
    this.#unpack();
    for (const plane of this.edits) plane.fill(0);
    this.thresholds = this.targets.map(() => null);
    this.#rebuild();
    this.#changed(whole(this.width, this.height));
  }

  /** Force the pixels of a patch on or off in class `k`, and what nests with it. @param {Patch} patch within the frame */
  paint(k, { box, data }, on) {
    this.#unpack();
    const { outer, inner, beside } = this.nesting;
    this.#force([k, ...(on ? outer[k] : inner[k])], box, data, on ? ON : OFF);
    if (on) this.#force(beside[k], box, data, OFF);
    this.#changed(box);
  }

  /** Make class `k` equal to the patch within its box; pixels that are so already are left alone. @param {Patch} patch */
  replace(k, { box, data }) {
    const now = cut(this.plane(k), this.width, box);
    const added = data.map((value, i) => (value && !now[i] ? 1 : 0));
    const taken = data.map((value, i) => (!value && now[i] ? 1 : 0));
    if (taken.includes(1)) this.paint(k, { box, data: taken }, false);
    if (added.includes(1)) this.paint(k, { box, data: added }, true);
  }

  /** Change class `k` in a box pixel by pixel. @param {(now: number, x: number, y: number) => number} fn gives 0 or 1 */
  apply(k, box, fn) {
    const inside = clip(box, this.width, this.height);
    if (isEmpty(inside)) return;
    const columns = inside.x1 - inside.x0;
    const now = cut(this.plane(k), this.width, inside);
    const data = now.map((value, i) => (fn(value, inside.x0 + (i % columns), inside.y0 + Math.floor(i / columns)) ? 1 : 0));
    this.replace(k, { box: inside, data });
  }

  /** The corrections of a box: 0 none, 1 forced on, 2 forced off. @param {Box} box @returns {Uint8Array[]} one a class */
  editsIn(box) {
    this.#unpack();
    return this.edits.map((plane) => cut(plane, this.width, box));
  }

  /** Corrections of a box put back as they were. @param {Box} box @param {Uint8Array[]} parts of `editsIn` */
  restoreEdits(box, parts) {
    this.#unpack();
    parts.forEach((part, k) => {
      paste(this.edits[k], this.width, box, part);
      this.#composeBox(k, box);
    });
    this.#changed(box);
  }

  /** Label values, inner classes over outer ones. @returns {Uint8Array} H * W */
  toLabels() {
    this.#unpack();
    const labels = new Uint8Array(this.length);
    for (const k of this.nesting.levels.flat()) {
      const plane = this.shown[k];
      const { value } = this.targets[k];
      for (let i = 0; i < plane.length; i += 1) if (plane[i]) labels[i] = value;
    }
    return labels;
  }

  /** Run lengths of the label map, for exports. @returns {[number, number][]} */
  toRows() {
    return toRuns(this.toLabels());
  }

  /** @returns {Box | null} around class `k` */
  bounds(k) {
    return bounds(this.plane(k), this.width, this.height);
  }

  /** @param {(box: Box) => void} listener @returns {() => void} which ends it */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Keep run lengths only, until a pixel is asked for; the probabilities are let go. For frames that are not shown. */
  pack() {
    if (this.#packed) return;
    this.#packed = { base: this.base.map(pack), edits: this.edits.map(pack) };
    this.result = this.base = this.edits = this.shown = null;
  }

  /** For keeping: plain values and packed run lengths; `Mask.restore` is its inverse. */
  serialize() {
    const { width, height, targets, contains, model, sha256, thresholds } = this;
    const runs = this.#packed ?? { base: this.base.map(pack), edits: this.edits.map(pack) };
    return { width, height, targets, contains, model, sha256, thresholds: [...thresholds], ...runs };
  }

  /** @param {ReturnType<Mask['serialize']>} kept throws RangeError where it is damaged @param {object} [result] its own */
  static restore(kept, result) {
    const mask = new Mask(kept);
    const { base, edits } = kept;
    for (const bytes of [...base, ...edits]) {
      if (packedLength(bytes) !== mask.length) throw new RangeError('a kept mask does not fit its frame');
    }
    mask.thresholds = [...kept.thresholds];
    mask.#packed = { base, edits };
    if (result) mask.attach(result);
    return mask;
  }

  #empty() {
    return this.targets.map(() => new Uint8Array(this.length));
  }

  #unpack() {
    if (!this.#packed) return;
    const { base, edits } = this.#packed;
    this.#packed = null;
    this.base = base.map((bytes) => unpack(bytes, this.length));
    this.edits = edits.map((bytes) => unpack(bytes, this.length));
    this.shown = this.#empty();
    this.#compose();
  }

  /** `base` from the result and the thresholds. */
  #rebuild() {
    if (this.attached) this.base = basePlanes(this.result, this.thresholds, this.targets, this.nesting);
    this.#compose();
  }

  #compose() {
    this.targets.forEach((_, k) => this.#composeBox(k, whole(this.width, this.height)));
  }

  #composeBox(k, box) {
    this.versions[k] += 1;
    compose(this.shown[k], this.base[k], this.edits[k], this.width, box);
  }

  #force(classes, box, data, edit) {
    const columns = box.x1 - box.x0;
    for (const k of classes) {
      const [edits, shown] = [this.edits[k], this.shown[k]];
      this.versions[k] += 1;
      for (let y = box.y0, at = 0; y < box.y1; y += 1) {
        for (let i = y * this.width + box.x0, end = i + columns; i < end; i += 1, at += 1) {
          if (data[at]) {
            edits[i] = edit;
            shown[i] = OFF - edit;
          }
        }
      }
    }
  }

  #changed(box) {
    this.version += 1;
    for (const listener of this.#listeners) listener(box);
  }
}
