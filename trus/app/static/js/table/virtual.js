/** Rows of a long table: only those in sight are in the page. */

import { h } from '../dom.js';

const SPARE = 6;

export class VirtualRows {
  #height;
  #build;
  #count = 0;
  #shown = new Map();

  /**
   * @param {HTMLElement} scroller
   * @param {{height: number, build: (index: number) => HTMLElement}} options height of a row in CSS pixels
   */
  constructor(scroller, { height, build }) {
    this.scroller = scroller;
    this.#height = height;
    this.#build = build;
    this.space = h('div', { class: 'rows', role: 'rowgroup' });
    scroller.append(this.space);
    scroller.addEventListener('scroll', () => this.#render(), { passive: true });
    new ResizeObserver(() => this.#render()).observe(scroller);
  }

  /** Other rows, or the same ones changed. @param {number} count */
  update(count) {
    this.#count = count;
    this.space.style.height = `${count * this.#height}px`;
    this.#shown.clear();
    this.space.replaceChildren();
    this.#render();
  }

  /** Builds one row anew where it is in sight. */
  refresh(index) {
    const old = this.#shown.get(index);
    if (!old) return;
    const row = this.#place(index);
    old.replaceWith(row);
  }

  /** Brings a row into sight. */
  reveal(index) {
    const { scroller } = this;
    const [top, bottom] = [index * this.#height, (index + 1) * this.#height];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + this.inSight) scroller.scrollTop = bottom - this.inSight;
    this.#render();
  }

  /** Rows that fit on a page. */
  get page() {
    return Math.max(1, Math.floor(this.inSight / this.#height) - 1);
  }

  get inSight() {
    return this.scroller.clientHeight - this.space.offsetTop;
  }

  #render() {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / this.#height) - SPARE);
    const last = Math.min(this.#count, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / this.#height) + SPARE);
    for (const [index, row] of this.#shown) {
      if (index >= first && index < last) continue;
      row.remove();
      this.#shown.delete(index);
    }
    for (let index = first; index < last; index++) if (!this.#shown.has(index)) this.space.append(this.#place(index));
  }

  #place(index) {
    const row = this.#build(index);
    row.style.transform = `translateY(${index * this.#height}px)`;
    this.#shown.set(index, row);
    return row;
  }
}
