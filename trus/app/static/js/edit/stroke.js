/** One step of editing in hand: from the press of a button, or a command, to one entry of the history. */
import { Recording } from '../mask/change.js';
import { markEdited, maskAction } from './actions.js';

/** The class that is edited, by place; the one chosen, else the first. @param {object} app */
export function chosenClass(app, mask = app.frames.selected?.mask) {
  return Math.max(mask?.names.indexOf(app.store.get().activeClass) ?? 0, 0);
}

/** Whether the frame shown has a mask to edit. @param {object} app */
export const canEdit = (app) => Boolean(app.view.mask) && app.view.mask === app.frames.selected?.mask;

export class Stroke {
  #app;
  #recording;
  #release;

  /** On the frame shown, whose mask must be there. @param {object} app @param {string} textKey of the history */
  constructor(app, textKey, k = chosenClass(app)) {
    this.#app = app;
    this.textKey = textKey;
    this.item = app.frames.selected;
    this.mask = this.item.mask;
    this.k = k;
    this.#recording = new Recording(this.mask);
    this.#release = app.history.hold();
  }

  /** Puts the corrections of a box back as they were when the stroke began. @param {import('../mask/box.js').Box} box */
  restore(box) {
    this.#recording.restore(box);
  }

  /** Notes what changed. @returns {boolean} whether anything did */
  finish(vars = { name: this.mask.names[this.k] }) {
    this.#release();
    const change = this.#recording.finish();
    if (!change) return false;
    this.#app.history.push(maskAction(this.#app, this.item, change, this.textKey, vars));
    markEdited(this.#app, this.item);
    return true;
  }

  /** Everything as it was. */
  cancel() {
    this.#recording.cancel();
    this.#release();
  }
}

/** One step at once. @param {(mask: import('../mask/mask.js').Mask, k: number) => void} edit @returns {boolean} changed */
export function editOnce(app, textKey, edit, vars) {
  if (!canEdit(app) || app.history.held) return false;
  const stroke = new Stroke(app, textKey);
  edit(stroke.mask, stroke.k);
  return stroke.finish(vars);
}
