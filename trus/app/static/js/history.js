/** Everything that was done to the data, to be undone and redone in order, without limit. */
import { createEvents } from './store.js';

/**
 * @typedef {object} Action
 * @property {string} textKey what was done, for the list
 * @property {Record<string, string|number>} [vars] of the text
 * @property {import('./frames.js').Item} [item] the frame concerned, shown when the action is undone or redone
 * @property {() => void} do
 * @property {() => void} undo
 * @property {{kind: string}} [kept] plain data from which the action can be made again after a reload
 */

/** Events: `change` (kind: 'push', 'undo', 'redo' or 'clear', the action). */
export class History {
  #events = createEvents();
  #reveal;
  #held = 0;
  /** @type {Action[]} */
  #done = [];
  /** @type {Action[]} the next one to redo last */
  #undone = [];

  /** @param {(item: import('./frames.js').Item) => void} [reveal] shows the frame of an action */
  constructor(reveal = () => undefined) {
    this.#reveal = reveal;
  }

  /** @param {(kind: string, action: Action|null) => void} listener @returns {() => void} ends the listening */
  onChange(listener) {
    return this.#events.on('change', listener);
  }

  /** Does an action and notes it. @param {Action} action */
  run(action) {
    action.do();
    this.push(action);
  }

  /** Notes an action that was done already, such as a stroke. @param {Action} action */
  push(action) {
    this.#done.push(action);
    this.#undone = [];
    this.#events.emit('change', 'push', action);
  }

  /** Whether something is in hand. */
  get held() {
    return this.#held > 0;
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** All actions, the first one first; the first `position` of them are done, the others undone. @returns {Action[]} */
  get list() {
    return [...this.#done, ...this.#undone.toReversed()];
  }

  get position() {
    return this.#done.length;
  }

  /** @returns {Action|null} what was undone */
  undo() {
    return this.canUndo && !this.held ? this.#move(this.#done, this.#undone, 'undo') : null;
  }

  /** @returns {Action|null} what was done again */
  redo() {
    return this.canRedo && !this.held ? this.#move(this.#undone, this.#done, 'redo') : null;
  }

  /** Undoes or redoes until `position` actions are done. */
  goTo(position) {
    while (this.position > position && this.undo());
    while (this.position < position && this.redo());
  }

  #move(from, to, kind) {
    const action = from.at(-1);
    if (kind === 'undo') action.undo();
    else action.do();
    to.push(from.pop());
    if (action.item) this.#reveal(action.item);
    this.#events.emit('change', kind, action);
    return action;
  }

  /** Nothing is undone while something is in hand, such as a stroke. @returns {() => void} lets go */
  hold() {
    this.#held += 1;
    let held = true;
    return () => {
      if (held) this.#held -= 1;
      held = false;
    };
  }

  /** Forgets everything. */
  clear() {
    this.restore([], 0);
  }

  /** Takes over actions of an earlier visit. @param {Action[]} list @param {number} position as of `list`, `position` */
  restore(list, position) {
    this.#done = list.slice(0, position);
    this.#undone = list.slice(position).reverse();
    this.#events.emit('change', 'clear', null);
  }
}
