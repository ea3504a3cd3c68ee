/** What a step of editing changed in a mask: run lengths of the touched box, small enough to keep every step. */
import { area, cut, union, whole } from './box.js';
import { pack, unpack } from './runs.js';

/**
 * @typedef {object} Change
 * @property {{box: import('./box.js').Box, before: (Uint8Array | null)[], after: (Uint8Array | null)[]} | null} edits
 *   packed corrections of the box, one a class, null where the class is the same
 * @property {{before: (number | null)[], after: (number | null)[]} | null} thresholds
 */

/** Watches a mask from its making to `finish`. */
export class Recording {
  #stop;
  /** @type {import('./box.js').Box | null} what was touched so far */
  box = null;

  /** @param {import('./mask.js').Mask} mask */
  constructor(mask) {
    this.mask = mask;
    this.thresholds = [...mask.thresholds];
    this.edits = mask.editsIn(whole(mask.width, mask.height));
    this.#stop = mask.onChange((box) => (this.box = union(this.box, box)));
  }

  /** Put the corrections of a box back as they were at the beginning. @param {import('./box.js').Box} box */
  restore(box) {
    this.mask.restoreEdits(box, this.edits.map((plane) => cut(plane, this.mask.width, box)));
  }

  /** Give up: everything as it was at the beginning. */
  cancel() {
    if (this.box) this.restore(this.box);
    this.mask.setThresholds(this.thresholds);
    this.#stop();
  }

  /** @returns {Change | null} null where nothing is different */
  finish() {
    this.#stop();
    const thresholds = same(this.thresholds, this.mask.thresholds)
      ? null
      : { before: this.thresholds, after: [...this.mask.thresholds] };
    const edits = this.#edits();
    return edits || thresholds ? { edits, thresholds } : null;
  }

  #edits() {
    const { box, mask } = this;
    if (!box) return null;
    const before = this.edits.map((plane) => cut(plane, mask.width, box));
    const after = mask.editsIn(box);
    const differs = before.map((part, k) => !same(part, after[k]));
    if (!differs.includes(true)) return null;
    const packed = (parts) => parts.map((part, k) => (differs[k] ? pack(part) : null));
    return { box, before: packed(before), after: packed(after) };
  }
}

/**
 * @param {import('./mask.js').Mask} mask @param {Change} change @param {'before' | 'after'} side
 */
export function applyChange(mask, change, side) {
  if (change.edits) {
    const { box } = change.edits;
    const now = mask.editsIn(box);
    mask.restoreEdits(box, change.edits[side].map((bytes, k) => (bytes ? unpack(bytes, area(box)) : now[k])));
  }
  if (change.thresholds) mask.setThresholds(change.thresholds[side]);
}

function same(a, b) {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
