/** Results of frames: asked in order of need, kept while they are near, dropped when memory would grow. */

import * as api from './api.js';
import { isAbort } from './api.js';
import { unlessAborted } from './files/files.js';
import { Mask } from './mask/mask.js';

const AT_ONCE = 2;
const KEPT_BYTES = 192 * 1024 * 1024;

export class Results {
  #app;
  #waiting = [];
  #running = 0;
  #pending = new Map();
  /** Items whose planes are held, the latest used last. */
  #held = new Map();

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
    app.frames.on('list', () => this.#releaseGone());
  }

  /**
   * A frame's result by a model, from memory or from the service. Asked twice at once, it is one request, which ends
   * when the last one who waits has left.
   *
   * @param {import('./frames.js').Item} item
   * @param {string} model
   * @param {{urgent?: boolean, signal?: AbortSignal}} [options] urgent: before all that waits
   * @returns {Promise<import('./frames.js').Result>}
   */
  async get(item, model, { urgent = false, signal } = {}) {
    const known = item.results.get(model);
    if (known?.planes) {
      this.#touch(item);
      return known;
    }
    const key = `${item.id} ${model}`;
    const job = this.#pending.get(key) ?? this.#enqueue(key, item, model);
    if (urgent) this.#prefer(job);
    job.wanted += 1;
    signal?.addEventListener('abort', () => this.#leave(job), { once: true });
    return unlessAborted(job.promise, signal);
  }

  /** Whether a frame's result by a model is being waited for. */
  isPending(item, model) {
    return this.#pending.has(`${item.id} ${model}`);
  }

  #enqueue(key, item, model) {
    const job = { key, item, model, wanted: 0, control: new AbortController() };
    job.promise = new Promise((resolve, reject) => Object.assign(job, { resolve, reject }));
    job.promise.catch(() => undefined);
    this.#pending.set(key, job);
    this.#waiting.push(job);
    this.#mark(item, 'queued');
    queueMicrotask(() => this.#next());
    return job;
  }

  #prefer(job) {
    const place = this.#waiting.indexOf(job);
    if (place > 0) this.#waiting.unshift(...this.#waiting.splice(place, 1));
  }

  #leave(job) {
    job.wanted -= 1;
    if (job.wanted > 0) return;
    job.control.abort();
    const place = this.#waiting.indexOf(job);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    this.#end(job, 'new');
    job.reject(job.control.signal.reason);
  }

  #next() {
    while (this.#running < AT_ONCE && this.#waiting.length) {
      this.#running += 1;
      this.#work(this.#waiting.shift()).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #work(job) {
    const { item, model, control } = job;
    this.#mark(item, 'running');
    try {
      const { signal } = control;
      const ask = (study) => api.getResult(study, item.number, model, signal);
      const result = await this.#app.files.ask(item.fileId, ask, signal);
      item.results.set(model, result);
      this.#touch(item);
      this.#end(job, 'done');
      this.#app.frames.changed(item, 'result');
      job.resolve(result);
    } catch (error) {
      this.#end(job, isAbort(error) ? 'new' : 'failed', isAbort(error) ? null : error);
      job.reject(error);
    }
  }

  #end(job, status, problem = null) {
    this.#pending.delete(job.key);
    const main = job.model === this.#app.store.get().modelName;
    if (main || status === 'done') this.#mark(job.item, status === 'new' && job.item.results.size ? 'done' : status, problem);
  }

  #mark(item, status, problem = null) {
    const kept = status !== 'done' && status !== 'failed' && item.results.size;
    if (!kept) Object.assign(item, { status, problem });
    this.#app.frames.changed(item, 'status');
  }

  /**
   * The mask of a frame by the model chosen; a corrected one stays with the model whose mask was corrected.
   *
   * @returns {Promise<Mask>}
   */
  async ensureMask(item, options) {
    const chosen = this.#app.store.get().modelName;
    const model = item.mask?.corrected ? item.mask.model : chosen;
    if (item.mask?.attached && item.mask.model === model && item.results.get(model)?.planes) return item.mask;
    return this.useResult(item, await this.get(item, model, options));
  }

  /** Makes a result's mask the frame's own, unless the mask is of this result already. @returns {Mask} */
  useResult(item, result) {
    if (item.mask?.model === result.model && item.mask.sha256 === result.sha256) item.mask.attach(result);
    else if (!item.mask?.corrected) item.mask = Mask.fromResult(result); // corrections outlive a model of the same name
    this.#touch(item); // its mask takes more than its probabilities
    this.#app.frames.changed(item, 'mask');
    return item.mask;
  }

  #touch(item) {
    this.#held.delete(item);
    this.#held.set(item, bytesOf(item));
    let total = [...this.#held.values()].reduce((sum, bytes) => sum + bytes, 0);
    for (const [old, bytes] of this.#held) {
      if (total <= KEPT_BYTES) break;
      if (old === item || old === this.#app.frames.selected) continue;
      this.release(old);
      total -= bytes;
    }
  }

  /** A frame that was taken off the list can be brought back: what can be asked again is not kept for that. */
  #releaseGone() {
    for (const item of [...this.#held.keys()]) if (!this.#app.frames.get(item.id)) this.release(item);
  }

  /** Drops a frame's planes; its mask is packed, the rest is asked again when the frame is shown. */
  release(item) {
    this.#held.delete(item);
    item.mask?.pack();
    for (const [model, result] of item.results) item.results.set(model, { ...result, planes: null, labels: null });
    this.#app.frames.changed(item, 'released');
  }
}

function bytesOf(item) {
  const [height, width] = item.size;
  let planes = 0;
  for (const result of item.results.values()) planes += result.planes ? result.planes.length + 1 : 0;
  return height * width * (planes + 3 * (item.mask?.targets.length ?? 0));
}
