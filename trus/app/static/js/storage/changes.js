/** What of the work is not yet kept, and how it is written: all of it in one transaction, or nothing. */

import { write } from './database.js';
import { fileRecord, itemRecord } from './records.js';

const AT_ONCE = 8;

export class Changes {
  #items = new Set();
  #files = new Set();
  #kept = new Set();
  #actionsFrom = Infinity;
  #session = false;

  /** @param {object} app */
  constructor(app) {
    this.app = app;
  }

  get any() {
    return this.#items.size > 0 || this.#session || this.#actionsFrom < Infinity;
  }

  /** @param {import('../frames.js').Item} item */
  ofItem(item) {
    this.#items.add(item);
    this.#session = true;
  }

  /** Frames came or went. */
  ofList() {
    for (const item of this.app.frames.list) if (!this.#kept.has(item.id)) this.#items.add(item);
    this.#session = true;
  }

  /** The order, the frame chosen, how far the history is. */
  ofSession() {
    this.#session = true;
  }

  /** Actions from this one on. @param {number} first */
  ofActions(first) {
    this.#actionsFrom = Math.min(this.#actionsFrom, first);
    this.#session = true;
  }

  /** These are in the database already. */
  areKept(items, files) {
    for (const item of items) this.#kept.add(item.id);
    for (const file of files) this.#files.add(file.id);
  }

  /** Everything has to be written again. */
  all() {
    this.#kept.clear();
    this.#files.clear();
    this.ofList();
    this.ofActions(0);
  }

  /**
   * Writes what changed. Where that fails, it counts as changed still.
   * @param {IDBDatabase} database @param {import('./sessions.js').Session} session
   * @returns {Promise<number>} ms since 1970 of the state that is kept now
   */
  async write(database, session) {
    const items = [...this.#items];
    const actions = this.#actionsFrom;
    const { list, position } = this.app.history;
    this.#items.clear();
    this.#actionsFrom = Infinity;
    this.#session = false;
    try {
      const files = await this.#readFiles(session, items);
      const records = await inSlices(items, (item) => itemRecord(session.id, item));
      for (const item of items) this.#kept.add(item.id);
      const next = this.#describe(session, position);
      await write(database, (stores) => {
        files.forEach((record) => stores.files.put(record));
        records.forEach((record) => stores.items.put(record));
        if (actions < Infinity) putActions(stores.actions, session.id, list, actions);
        stores.sessions.put(next);
      });
      files.forEach((record) => this.#files.add(record.id));
      Object.assign(session, next);
      return session.updated;
    } catch (error) {
      items.forEach((item) => this.ofItem(item));
      this.ofActions(actions);
      throw error;
    }
  }

  #describe(session, position) {
    const { frames } = this.app;
    const order = frames.list.map((item) => item.id).filter((id) => this.#kept.has(id));
    const { windows, activeClass } = this.app.store.get();
    return { ...session, order, position, selected: frames.selected?.id ?? null, windows, activeClass, updated: Date.now() };
  }

  /** Files that are not in the database, read into memory: one that is gone from the disk spoils no other. */
  async #readFiles(session, items) {
    const wanted = [...new Set(items.map((item) => item.fileId))].filter((id) => !this.#files.has(id));
    const records = [];
    for (const id of wanted) {
      const file = this.app.files.get(id);
      const blob = file && (await readable(file.blob));
      if (blob) records.push({ ...fileRecord(session.id, file), blob });
    }
    return records;
  }
}

async function readable(blob) {
  try {
    return new Blob([await blob.arrayBuffer()], { type: blob.type });
  } catch {
    return null; // it was moved or changed since it was opened; the service may have it still
  }
}

async function inSlices(items, make) {
  const made = [];
  for (const item of items) {
    made.push(make(item));
    if (made.length % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return made;
}

function putActions(store, session, list, first) {
  store.delete(IDBKeyRange.bound([session, first], [session, []]));
  for (let number = first; number < list.length; number += 1) {
    store.put({ session, number, kept: list[number].kept ?? null });
  }
}
