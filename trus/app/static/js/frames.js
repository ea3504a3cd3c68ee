/** The list of frames that the user works on. */

import { newId } from './ids.js';
import { createEvents } from './store.js';

/**
 * A model's answer for a frame. Planes: probabilities uint8 (H*W, row-major), `q >= T` means p >= T/256; `labels`: the
 * model's own mask. Both are null once dropped to save memory.
 *
 * @typedef {object} Result
 * @property {string} model
 * @property {string} sha256
 * @property {[number, number]} size rows, columns
 * @property {{name: string, value: number, threshold: number, meanProbability: number|null,
 *   uncertainShare: number|null}[]} targets
 * @property {Record<string, string[]>} contains
 * @property {[number, number, number, number][]} boxes x0, y0, x1, y1
 * @property {Uint8Array[]|null} planes
 * @property {Uint8Array|null} labels
 * @property {string[]} notes
 * @property {{code: string, detail: string}[]} warnings
 * @property {Record<string, number>} timings ms
 */

/**
 * One frame. `size` is rows and columns, `spacing` mm a pixel, (row, column).
 *
 * @typedef {object} Item
 * @property {string} id
 * @property {string} fileId
 * @property {string} name
 * @property {number} number of the frame in its file, from 0
 * @property {[number, number]} size
 * @property {string} kind
 * @property {[number, number]|null} spacing
 * @property {string} spacingNote
 * @property {{box: number[], spacing: [number, number]|null, spacing_note: string}[]} regions
 * @property {'new'|'queued'|'running'|'done'|'failed'} status
 * @property {import('./api.js').Problem|null} problem
 * @property {Map<string, Result>} results
 * @property {import('./mask/mask.js').Mask|null} mask packed while the frame is not near
 * @property {{name: string, planes: Uint8Array[]}|null} reference
 * @property {object[]} measurements
 * @property {string} annotator
 * @property {number} seconds
 * @property {boolean} edited
 */

/** @param {Partial<Item>} fields @returns {Item} */
export function createItem(fields) {
  return {
    id: newId(),
    number: 0,
    spacing: null,
    spacingNote: '',
    regions: [],
    status: 'new',
    problem: null,
    results: new Map(),
    mask: null,
    reference: null,
    measurements: [],
    annotator: '',
    seconds: 0,
    edited: false,
    ...fields,
  };
}

/**
 * Events: `list` (items came or went), `gone` (the items that went), `select` (item|null, the one before), `item` (item, what changed of it).
 */
export class Frames {
  #events = createEvents();
  #byId = new Map();
  /** @type {Item[]} */
  list = [];
  /** @type {Item|null} */
  selected = null;

  on(name, listener) {
    return this.#events.on(name, listener);
  }

  /** @param {string} id @returns {Item|undefined} */
  get(id) {
    return this.#byId.get(id);
  }

  /** Position of the selected item, -1 where there is none. */
  get position() {
    return this.selected ? this.list.indexOf(this.selected) : -1;
  }

  /** The frames of one file, in order. @param {string} fileId */
  ofFile(fileId) {
    return this.list.filter((item) => item.fileId === fileId);
  }

  /** @param {Item[]} items @param {number} [position] at the end without it */
  add(items, position = this.list.length) {
    this.list.splice(position, 0, ...items);
    for (const item of items) this.#byId.set(item.id, item);
    this.#events.emit('list');
    if (!this.selected && items.length) this.select(items[0].id);
  }

  /** @param {string[]} ids @returns {{item: Item, position: number}[]} what went, so that it can be brought back */
  remove(ids) {
    const gone = new Set(ids);
    const taken = this.list.map((item, position) => ({ item, position })).filter(({ item }) => gone.has(item.id));
    if (!taken.length) return [];
    const next = this.#neighbour(gone);
    this.list = this.list.filter((item) => !gone.has(item.id));
    for (const id of ids) this.#byId.delete(id);
    if (this.selected && gone.has(this.selected.id)) this.#choose(next);
    this.#events.emit('list');
    this.#events.emit('gone', taken.map(({ item }) => item));
    return taken;
  }

  #neighbour(gone) {
    const after = this.list.slice(Math.max(this.position, 0)).find((item) => !gone.has(item.id));
    return after ?? this.list.findLast((item) => !gone.has(item.id)) ?? null;
  }

  /** @param {string} id */
  select(id) {
    const item = this.#byId.get(id);
    if (item && item !== this.selected) this.#choose(item);
  }

  #choose(item) {
    const before = this.selected;
    this.selected = item;
    this.#events.emit('select', item, before);
  }

  /** Goes some frames on, within the list. @param {number} step */
  step(step) {
    const target = this.list[Math.min(Math.max(this.position + step, 0), this.list.length - 1)];
    if (target) this.select(target.id);
  }

  /** Says that something of an item changed. @param {Item} item @param {string} what */
  changed(item, what) {
    this.#events.emit('item', item, what);
  }
}
