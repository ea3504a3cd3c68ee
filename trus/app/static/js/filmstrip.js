/** The strip of frames at the bottom; only the frames in sight have elements, so that thousands cost nothing. */

import { isAbort } from './api.js';
import { fill, h } from './dom.js';
import { onLanguage, t } from './i18n.js';

const STEP = 84;
const AHEAD = 4;
const AT_ONCE = 2;
const THUMB = { width: 76, height: 54 };

export class Filmstrip {
  #app;
  #host;
  #rail = h('div', { class: 'strip-rail' });
  #cells = new Map();
  #thumbs = new WeakMap();
  #loading = new Map();
  #tried = new WeakSet();

  /** @param {HTMLElement} host @param {object} app */
  constructor(host, app) {
    this.#app = app;
    this.#host = host;
    Object.entries({ role: 'listbox', tabindex: '0' }).forEach(([name, value]) => this.#rail.setAttribute(name, value));
    host.append(this.#rail);
    host.addEventListener('scroll', () => this.#render(), { passive: true });
    host.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.#rail.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#render()).observe(host);
    app.frames.on('list', () => this.#rebuild());
    app.frames.on('select', () => (this.#reveal(), this.#render()));
    app.frames.on('item', (item, what) => {
      if (what === 'picture') this.#draw(item);
      this.#refresh(item);
    });
    app.store.on('modelName', () => this.#render());
    onLanguage(() => this.#rebuild());
    this.#rebuild();
  }

  #wheel(event) {
    if (Math.abs(event.deltaY) <= Math.abs(event.deltaX)) return;
    event.preventDefault();
    this.#host.scrollLeft += event.deltaY;
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#app.frames.step(steps[event.key]);
  }

  #rebuild() {
    this.#cells.clear();
    fill(this.#rail);
    this.#rail.style.width = `${this.#app.frames.list.length * STEP + 8}px`;
    this.#rail.setAttribute('aria-label', t('viewer.strip', { n: this.#app.frames.list.length }));
    this.#reveal();
    this.#render();
  }

  #reveal() {
    const { position } = this.#app.frames;
    if (position < 0) return;
    const [left, right] = [position * STEP, (position + 1) * STEP + 8];
    if (left < this.#host.scrollLeft) this.#host.scrollLeft = left - STEP;
    else if (right > this.#host.scrollLeft + this.#host.clientWidth) this.#host.scrollLeft = right - this.#host.clientWidth + STEP;
  }

  #render() {
    const { list } = this.#app.frames;
    const first = Math.max(0, Math.floor(this.#host.scrollLeft / STEP) - AHEAD);
    const last = Math.min(list.length, Math.ceil((this.#host.scrollLeft + this.#host.clientWidth) / STEP) + AHEAD);
    const wanted = new Map(list.slice(first, last).map((item, i) => [item, first + i]));
    for (const [item, cell] of [...this.#cells]) {
      if (wanted.has(item)) continue;
      cell.remove();
      this.#cells.delete(item);
      this.#loading.get(item)?.abort();
    }
    for (const [item, position] of wanted) {
      if (!this.#cells.has(item)) this.#cells.set(item, this.#cell(item, position));
      this.#refresh(item);
    }
    setTimeout(() => this.#load()); // the frame that is being chosen goes first
    const { selected } = this.#app.frames;
    if (selected && this.#cells.has(selected)) this.#rail.setAttribute('aria-activedescendant', `cell-${selected.id}`);
  }

  #cell(item, position) {
    const canvas = this.#thumbs.get(item) ?? h('canvas', { class: 'thumb', width: THUMB.width, height: THUMB.height, 'aria-hidden': 'true' });
    const label = h('span', { class: 'cell-label', translate: 'no' }, String(position + 1));
    const cell = h('div', { class: 'cell', role: 'option', id: `cell-${item.id}`, title: item.name }, canvas, label, h('span', { class: 'cell-dot' }));
    cell.style.left = `${position * STEP + 4}px`;
    cell.addEventListener('click', () => this.#app.frames.select(item.id));
    this.#rail.append(cell);
    return cell;
  }

  /** Small pictures of the cells in sight, a few at a time; the shown frame's own picture comes from the view. */
  #load() {
    for (const item of this.#cells.keys()) {
      if (this.#loading.size >= AT_ONCE) return;
      if (this.#thumbs.has(item) || this.#loading.has(item) || this.#tried.has(item)) continue;
      if (this.#app.pictures.peek(item)) this.#draw(item);
      else if (item !== this.#app.frames.selected) this.#fetch(item);
    }
  }

  async #fetch(item) {
    const control = new AbortController();
    this.#loading.set(item, control);
    try {
      await this.#app.pictures.get(item, { signal: control.signal });
      this.#draw(item);
    } catch (error) {
      if (!isAbort(error)) this.#tried.add(item); // the view tells what is wrong once the frame is chosen
    } finally {
      this.#loading.delete(item);
      this.#load();
    }
  }

  #draw(item) {
    const picture = this.#app.pictures.peek(item);
    const canvas = this.#cells.get(item)?.querySelector('canvas');
    if (!picture || !canvas || this.#thumbs.has(item)) return;
    const scale = Math.min(THUMB.width / picture.width, THUMB.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'medium';
    context.drawImage(picture.bitmap, (THUMB.width - width) / 2, (THUMB.height - height) / 2, width, height);
    this.#thumbs.set(item, canvas);
  }

  #refresh(item) {
    const cell = this.#cells.get(item);
    if (!cell) return;
    const chosen = item === this.#app.frames.selected;
    const state = stateOf(item, this.#app.store.get().modelName);
    cell.className = `cell is-${state} ${chosen ? 'is-chosen' : ''}`;
    cell.setAttribute('aria-selected', String(chosen));
    const position = this.#app.frames.list.indexOf(item) + 1;
    cell.setAttribute('aria-label', t('viewer.strip-frame', { position, name: item.name, state: t(`viewer.state-${state}`) }));
  }
}

/** How far a frame is with the model chosen; corrections stay whatever the model. */
function stateOf(item, modelName) {
  if (item.edited) return 'edited';
  return item.status === 'done' && !item.results.has(modelName) && item.mask?.model !== modelName ? 'new' : item.status;
}
