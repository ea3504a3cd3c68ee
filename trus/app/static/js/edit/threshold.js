/** Moving thresholds: the mask follows at once, the history gets one step for a whole drag. */
import { Stroke } from './stroke.js';

export class Thresholds {
  #app;
  #stroke = null;

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
    app.frames.on('select', () => this.commit());
  }

  /** @param {number} k @param {number|null} threshold in 1/256; null: the model's own mask */
  preview(k, threshold) {
    if (this.#stroke && this.#stroke.k !== k) this.commit();
    if (!this.#stroke && this.#app.history.held) return;
    this.#stroke ??= new Stroke(this.#app, 'edit.history.threshold', k);
    this.#stroke.mask.setThreshold(k, threshold);
  }

  /** The drag is over; without one, nothing happens. */
  commit() {
    const stroke = this.#stroke;
    this.#stroke = null;
    stroke?.finish();
  }
}
