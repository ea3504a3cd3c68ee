/** Brings the chosen frame into the view: its picture first, its mask as soon as there is one. */

import { isAbort } from '../api.js';

export class Showing {
  #app;
  #control = new AbortController();

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
    app.frames.on('select', () => this.show());
    app.frames.on('item', (item, what) => this.#follow(item, what));
    app.store.on('modelName', () => this.show());
    app.store.on('connection', ({ connection }) => connection === 'ok' && this.show());
    app.store.on(['display', 'colours', 'windows', 'hidden'], () => app.view.invalidateAll());
    app.store.on('source', () => this.#showPicture(this.#control.signal));
  }

  /** Shows the chosen frame from the beginning; what was asked for another is given up. */
  show() {
    this.#control.abort(new DOMException('another frame is shown', 'AbortError'));
    this.#control = new AbortController();
    const { signal } = this.#control;
    const item = this.#app.frames.selected;
    if (!item) {
      this.#app.view.setPicture(null, null);
      return;
    }
    this.#showPicture(signal);
    this.#showKnown(item);
    if (!this.#app.store.get().playing) this.#showMask(item, signal);
  }

  /** Gives up the result that is being made. */
  cancel() {
    this.#control.abort(new DOMException('cancelled', 'AbortError'));
    this.#control = new AbortController();
  }

  async #showPicture(signal) {
    const { frames, pictures, store, view } = this.#app;
    const item = frames.selected;
    if (!item) return;
    const { source, modelName } = store.get();
    const options = { model: source === 'preprocessed' ? modelName : null, signal };
    try {
      const picture = pictures.peek(item, options.model) ?? (await pictures.get(item, options));
      if (frames.selected !== item) return;
      view.setPicture(item, picture);
      this.#showKnown(item);
      frames.changed(item, 'picture');
    } catch (problem) {
      this.#app.tell(problem, { retry: () => this.show() });
    }
  }

  #showKnown(item) {
    const { store, view } = this.#app;
    const { modelName } = store.get();
    if (view.item !== item) return;
    const model = item.mask?.corrected ? item.mask.model : modelName;
    if (item.mask?.model === model) view.setMask(item.mask, item.results.get(model) ?? null);
    else view.setMask(null, null);
  }

  async #showMask(item, signal) {
    const { frames, results, store } = this.#app;
    if (!store.get().modelName) return;
    try {
      await results.ensureMask(item, { urgent: true, signal });
      if (frames.selected === item) this.#showKnown(item);
    } catch (problem) {
      if (!isAbort(problem)) this.#app.tell(problem, { retry: () => this.show() });
    }
  }

  #follow(item, what) {
    if (item !== this.#app.frames.selected) return;
    if (what === 'mask' || what === 'result') this.#showKnown(item);
    if (what === 'reference') this.#app.view.invalidate();
  }
}
