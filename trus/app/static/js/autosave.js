/** Everything that was done is kept in this browser within a second, so that a crash or a closed tab loses nothing. */

import { forgetAnnotator } from './edit/annotator.js';
import { Changes } from './storage/changes.js';
import { claim } from './storage/claims.js';
import { deleteDatabase, deleteSession, openDatabase, readOne, write } from './storage/database.js';
import { follow } from './storage/following.js';
import { restore } from './storage/restoring.js';
import { currentSessions, newSession, setOwnId, takeUp, unclaimed } from './storage/sessions.js';

const DELAY_MS = 300;
const KEEP = 'trus.keep';
const CHANNEL = 'trus-work';

/**
 * What the page shows of it: the store's `autosave`.
 * @typedef {object} AutosaveState
 * @property {'off'|'ready'|'saving'|'saved'|'failed'} state
 * @property {number|null} at ms since 1970: the state that is kept
 * @property {string|null} session id of what is kept of this tab
 * @property {''|'quota'|'unavailable'|'deleted'|'chosen'} reason why it is off, or failed
 */

export class Autosave {
  #app;
  #changes;
  #database = null;
  #session = null;
  #release = () => undefined;
  #timer = 0;
  #writing = null;
  #restoring = false;
  #channel = new BroadcastChannel(CHANNEL);

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
    this.#changes = new Changes(app);
    this.#show({ state: this.keeps ? 'ready' : 'off', at: null, session: null, reason: this.keeps ? '' : 'chosen' });
    this.#channel.onmessage = ({ data }) => data === 'deleted' && this.#wasDeleted();
  }

  /** The setting: whether anything is kept in this browser. */
  get keeps() {
    return localStorage.getItem(KEEP) !== 'nothing';
  }

  /** Takes up the work of this tab, or of one that was closed; then follows what is done. */
  async start() {
    follow(this.#app, (mark) => this.#note(() => mark(this.#changes)));
    document.addEventListener('visibilitychange', () => document.hidden && this.flush());
    window.addEventListener('pagehide', () => this.flush());
    if (!this.keeps) return null;
    try {
      this.#database = await openDatabase();
      const taken = await takeUp(await currentSessions(this.#database));
      if (taken) return await this.#enter(taken).catch((error) => this.#giveUp(error));
      await this.#begin();
    } catch (error) {
      this.#fail(error);
    }
    return null;
  }

  /** Work that cannot be read is left as it is, among the earlier work. */
  async #giveUp(error) {
    console.error(error);
    this.#app.messages.say('edit.restored-not', {}, { kind: 'error' });
    this.#empty();
    await this.#begin();
    return null;
  }

  async #begin() {
    this.#session = newSession();
    this.#release = (await claim(this.#session.id)) ?? (() => undefined);
    setOwnId(this.#session.id);
    this.#show({ session: this.#session.id });
  }

  async #enter({ session, release }) {
    this.#session = session;
    this.#release = release;
    setOwnId(session.id);
    const at = session.updated;
    this.#restoring = true;
    try {
      session.left = false;
      const { items, listed, files, lost, cut } = await restore(this.#app, this.#database, session);
      this.#changes.areKept(items, files);
      if (cut) this.#changes.ofActions(0);
      this.#show({ state: 'saved', at, session: session.id });
      return { frames: listed.length, lost, at };
    } finally {
      this.#restoring = false;
    }
  }

  #note(change) {
    if (this.#restoring) return;
    change();
    if (this.#session && this.#changes.any && !this.#timer) this.#timer = setTimeout(() => this.flush(), DELAY_MS);
  }

  /** Sessions that were left or whose tab is gone, the latest first. @returns {Promise<import('./storage/sessions.js').Session[]>} */
  async earlier() {
    if (!this.#database) return [];
    const others = (await currentSessions(this.#database)).filter((session) => session.id !== this.#session?.id);
    const free = await unclaimed(others);
    return others.filter((session) => free.includes(session.id));
  }

  /** An empty list; what was there stays among the earlier work. */
  async startAfresh() {
    await this.#leave();
    if (this.keeps && this.#database) await this.#begin();
  }

  /** Takes up earlier work in place of what is open, which stays kept. @param {string} id @returns {Promise<object|null>} */
  async open(id) {
    const release = await claim(id);
    if (!release) return null; // another tab has it open
    await this.#leave();
    return this.#enter({ session: await readOne(this.#database, 'sessions', id), release });
  }

  /** Deletes earlier work. @returns {Promise<boolean>} false where another tab has it open */
  async discard(id) {
    const release = await claim(id);
    if (!release) return false;
    await write(this.#database, (stores) => deleteSession(stores, id));
    release();
    return true;
  }

  async #leave() {
    await this.flush();
    if (this.#session?.order.length && this.#database) {
      const left = { ...this.#session, left: true };
      await write(this.#database, (stores) => stores.sessions.put(left));
    }
    this.#empty();
  }

  /** Nothing is open any more, and nothing of it is written. */
  #empty() {
    this.#release();
    this.#release = () => undefined;
    this.#session = null;
    setOwnId(null);
    const { frames, files, history } = this.#app;
    const opened = new Set(frames.list.map((item) => item.fileId));
    frames.remove(frames.list.map((item) => item.id));
    history.clear();
    for (const id of opened) files.drop(id);
    this.#changes = new Changes(this.#app);
    this.#show({ state: this.keeps ? 'ready' : 'off', at: null, session: null, reason: this.keeps ? '' : 'chosen' });
  }

  /** Deletes everything that was kept in this browser, in all tabs, and closes what is open here. */
  async purge() {
    this.#empty();
    await this.#writing?.catch(() => undefined);
    this.#database?.close();
    this.#database = null;
    this.#channel.postMessage('deleted');
    await deleteDatabase();
    forgetAnnotator(this.#app);
    if (this.keeps) await this.resume();
  }

  /** The setting. Without keeping, what is open stays open, and is gone with the page. @param {boolean} keep */
  async setKeeps(keep) {
    if (keep) localStorage.removeItem(KEEP);
    else localStorage.setItem(KEEP, 'nothing');
    if (keep) return this.resume();
    this.#stop('chosen');
    this.#channel.postMessage('deleted');
    await deleteDatabase();
    localStorage.removeItem('trus.annotator');
    return undefined;
  }

  /** Keeps what is open, as a new session. */
  async resume() {
    try {
      this.#database = await openDatabase();
      await this.#begin();
      this.#show({ state: 'ready', reason: '' });
      this.#note(() => this.#changes.all());
    } catch (error) {
      this.#fail(error);
    }
  }

  #stop(reason) {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#release();
    this.#session = null;
    setOwnId(null);
    this.#database?.close();
    this.#database = null;
    this.#show({ state: 'off', at: null, session: null, reason });
  }

  /** Another tab deleted everything: this one writes nothing until it is told to. */
  #wasDeleted() {
    this.#stop('deleted');
    this.#app.messages.say('edit.autosave.deleted-elsewhere', {}, { kind: 'warning', action: { textKey: 'edit.autosave.resume', run: () => this.resume() } });
  }

  /** Writes at once what is not kept yet. */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#writing) return this.#writing.then(() => this.#changes.any && this.flush());
    if (!this.#session || !this.#database || !this.#changes.any) return undefined;
    if (this.#app.store.get().autosave.state !== 'failed') this.#show({ state: 'saving' });
    this.#writing = this.#changes.write(this.#database, this.#session);
    try {
      this.#show({ state: 'saved', at: await this.#writing, reason: '' });
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#writing = null;
    }
    return undefined;
  }

  #fail(error) {
    const reason = error?.name === 'QuotaExceededError' ? 'quota' : 'unavailable';
    const { autosave } = this.#app.store.get();
    if (autosave.state !== 'failed' || autosave.reason !== reason) {
      this.#app.messages.say(`edit.autosave.failed-${reason}`, {}, { kind: 'error' });
    }
    this.#show({ state: 'failed', reason });
  }

  #show(patch) {
    this.#app.store.set({ autosave: { ...this.#app.store.get().autosave, ...patch } });
  }
}
