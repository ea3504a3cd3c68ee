/** Segmenting many frames in the background, while the page stays in use. */

import { isAbort, pause } from '../api.js';
import { shapes } from '../measure/shape.js';
import { Pace } from './progress.js';

const AT_ONCE = 2;
const BUSY_WAIT_MS = 3000;
const BUSY_TRIES = 5;

/**
 * What the page shows of it: the store's `batch`.
 *
 * @typedef {object} BatchState
 * @property {'idle'|'running'|'paused'} state
 * @property {string} model
 * @property {number} total
 * @property {number} done
 * @property {number} failed
 * @property {number|null} secondsLeft null while it cannot be told
 * @property {'connection'|'busy'|'reloaded'|null} reason why it is paused; null: the user wanted it
 */

/** @type {BatchState} */
export const IDLE = { state: 'idle', model: '', total: 0, done: 0, failed: 0, secondsLeft: null, reason: null };

export class Batch {
  #app;
  #waiting = [];
  #running = 0;
  #pace = new Pace();
  /** One for each frame in work: what listens to a signal lives as long as it, and holds the frame's planes. */
  #controls = new Set();

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
    app.store.on('connection', ({ connection, batch }) => {
      if (connection === 'ok' && batch.state === 'paused' && batch.reason === 'connection') this.resume();
    });
  }

  get state() {
    return this.#app.store.get().batch;
  }

  /** Frames that the model has not segmented; those that failed count. @param {string} model */
  left(model) {
    return this.#app.frames.list.filter((item) => !isDone(item, model));
  }

  /** Begins with these frames, or puts them behind those that wait already. @param {object[]} items */
  start(items, model) {
    const fresh = items.filter((item) => !isDone(item, model) && !this.#waiting.includes(item));
    if (!fresh.length) return;
    const going = this.state.state === 'idle' ? { ...IDLE, model } : this.state;
    this.#waiting.push(...fresh);
    fresh.forEach((item) => this.#mark(item, 'queued'));
    this.#set({ ...going, total: going.total + fresh.length });
    if (this.state.state !== 'paused') this.resume();
  }

  /** What runs is finished, nothing more is begun. @param {string|null} [reason] */
  pause(reason = null) {
    if (this.state.state === 'running') this.#set({ state: 'paused', reason, secondsLeft: null });
  }

  resume() {
    this.#pace.forget();
    this.#set({ state: 'running', reason: null, model: this.state.model || this.#app.store.get().modelName });
    while (this.#running < AT_ONCE && this.#waiting.length) this.#loop();
  }

  /** What was not begun is let go; what is done stays. */
  cancel() {
    for (const control of this.#controls) control.abort(new DOMException('the batch was cancelled', 'AbortError'));
    this.#waiting.splice(0).forEach((item) => this.#mark(item, item.results.size ? 'done' : 'new'));
    this.#set(IDLE);
  }

  /** Frames that failed are tried again. */
  retry() {
    const failed = this.#app.frames.list.filter((item) => item.status === 'failed');
    if (this.state.state !== 'idle') this.#set({ total: this.state.total - this.state.failed, failed: 0 });
    this.start(failed, this.state.model || this.#app.store.get().modelName);
  }

  /** Takes up, paused, what an earlier page left waiting. @param {object[]} items restored frames, one of them shown */
  takeUp(items) {
    const unfinished = items.filter((item) => item.status === 'queued' || item.status === 'running');
    const waiting = unfinished.filter((item) => item !== this.#app.frames.selected);
    if (!waiting.length) return;
    this.#waiting = waiting;
    waiting.forEach((item) => this.#mark(item, 'queued'));
    this.#set({ ...IDLE, state: 'paused', total: items.length, done: items.length - waiting.length, reason: 'reloaded' });
  }

  async #loop() {
    this.#running += 1;
    try {
      while (this.state.state === 'running' && this.#waiting.length) await this.#one(this.#waiting.shift());
    } finally {
      this.#running -= 1;
    }
    if (!this.#running && !this.#waiting.length && this.state.state === 'running') this.#end();
  }

  async #one(item) {
    if (!this.#app.frames.get(item.id)) return this.#set({ total: this.state.total - 1 });
    const control = new AbortController();
    const { signal } = control;
    this.#controls.add(control);
    try {
      await this.#segment(item, signal);
      this.#count({ done: this.state.done + 1 });
    } catch (error) {
      if (signal.aborted || isAbort(error)) return undefined;
      if (this.#app.frames.get(item.id)) this.#failed(item, error);
      else this.#set({ total: this.state.total - 1 });
    } finally {
      this.#controls.delete(control);
    }
    return pause(0);
  }

  /** A busy service is asked again after a while: what waits is not lost. */
  async #segment(item, signal) {
    const { model } = this.state;
    if (isDone(item, model)) return this.#mark(item, 'done');
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await this.#app.results.get(item, model, { signal });
        if (!item.edited && item.mask?.model !== model) this.#app.results.useResult(item, result);
        return shapes(item);
      } catch (problem) {
        if ((problem.status !== 429 && problem.status !== 503) || attempt === BUSY_TRIES) throw problem;
      }
      await pause(BUSY_WAIT_MS * attempt, signal);
    }
  }

  /** Where the service itself cannot be asked, every frame would fail: the batch waits instead. */
  #failed(item, problem) {
    const gone = this.#app.connection.notice(problem);
    if (gone || problem.status === 429 || problem.status === 503) {
      this.#waiting.unshift(item);
      this.#mark(item, 'queued');
      return this.pause(gone ? 'connection' : 'busy');
    }
    this.#mark(item, 'failed', problem);
    return this.#count({ failed: this.state.failed + 1 });
  }

  #count(change) {
    this.#pace.ended(performance.now());
    const { total, done, failed } = { ...this.state, ...change };
    this.#set({ ...change, secondsLeft: this.#pace.secondsLeft(total - done - failed) });
  }

  #end() {
    const { done, failed } = this.state;
    this.#set({ ...IDLE });
    this.#app.store.set({ batchEnded: { done, failed } });
  }

  #mark(item, status, problem = null) {
    Object.assign(item, { status, problem });
    this.#app.frames.changed(item, 'status');
  }

  #set(change) {
    this.#app.store.set({ batch: { ...this.state, ...change } });
  }
}

/** Whether there is nothing to do: segmented by that model, or corrected by hand. */
function isDone(item, model) {
  return item.edited || (item.results.has(model) && item.status !== 'failed');
}
