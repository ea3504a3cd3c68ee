/** Pointers and the wheel over a view: the chosen tool's, or moving and zooming. */

const WHEEL_STEP = 0.0016;

/**
 * Space held, the middle button and two fingers move and zoom whatever the tool; so does any pointer without a tool.
 *
 * @param {import('./view.js').View} view
 * @param {() => import('../tools/registry.js').Tool|undefined} tool
 */
export class Gestures {
  #view;
  #tool;
  #pointers = new Map();
  #mode = null;
  #last = null;
  moving = false;

  constructor(view, tool) {
    this.#view = view;
    this.#tool = tool;
    const { host } = view;
    host.addEventListener('focus', () => !this.#pointers.size && host.classList.remove('is-pointed'));
    host.addEventListener('pointerdown', (event) => this.#down(event));
    host.addEventListener('pointermove', (event) => this.#move(event));
    host.addEventListener('pointerup', (event) => this.#up(event));
    host.addEventListener('pointercancel', (event) => this.#up(event, true));
    host.addEventListener('pointerleave', () => this.#tool()?.onPointerLeave?.());
    host.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    host.addEventListener('contextmenu', (event) => event.preventDefault());
    host.addEventListener('auxclick', (event) => event.preventDefault());
  }

  /** While true every pointer moves the frame (the space bar is held). @param {boolean} value */
  set panning(value) {
    this.moving = value;
    this.#view.host.classList.toggle('is-panning', value);
  }

  /** @returns {{x: number, y: number}} in CSS pixels of the view */
  place(event) {
    const box = this.#view.host.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #down(event) {
    if (event.target.closest?.('button, a, input')) return;
    this.#pointers.set(event.pointerId, this.place(event));
    this.#view.host.focus({ preventScroll: true });
    this.#view.host.classList.add('is-pointed'); // who points at the view knows where the focus is
    this.#view.host.setPointerCapture?.(event.pointerId);
    if (this.#pointers.size === 2) return this.#startPinch();
    if (this.#pointers.size > 2) return undefined;
    const pan = this.moving || event.button === 1 || !this.#tool();
    this.#mode = pan ? 'pan' : 'tool';
    this.#last = this.place(event);
    if (event.button === 1) event.preventDefault();
    if (!pan && this.#view.picture) this.#tool().onPointerDown?.(event, this.#view.toFrame(this.#last));
    return undefined;
  }

  #startPinch() {
    if (this.#mode === 'tool') this.#tool()?.onCancel?.();
    this.#mode = 'pinch';
    this.#last = this.#pinch();
  }

  #pinch() {
    const [a, b] = [...this.#pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, spread: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  #move(event) {
    const place = this.place(event);
    if (this.#pointers.has(event.pointerId)) this.#pointers.set(event.pointerId, place);
    if (this.#mode === 'pinch') return this.#movePinch();
    if (this.#mode === 'pan') {
      this.#view.pan(place.x - this.#last.x, place.y - this.#last.y);
      this.#last = place;
    } else if (this.#view.picture) {
      this.#tool()?.onPointerMove?.(event, this.#view.toFrame(place));
    }
    return undefined;
  }

  #movePinch() {
    if (this.#pointers.size !== 2) return;
    const now = this.#pinch();
    this.#view.pan(now.x - this.#last.x, now.y - this.#last.y);
    if (this.#last.spread > 0) this.#view.zoom((this.#view.scale * now.spread) / this.#last.spread, now);
    this.#last = now;
  }

  #up(event, cancelled = false) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#mode === 'tool') {
      if (cancelled) this.#tool()?.onCancel?.();
      else this.#tool()?.onPointerUp?.(event, this.#view.toFrame(this.place(event)));
    }
    if (this.#mode === 'pinch' && this.#pointers.size) return; // the finger that is left does nothing of its own
    if (!this.#pointers.size) this.#mode = null;
  }

  #wheel(event) {
    event.preventDefault();
    if (!this.#view.picture) return;
    if (!event.ctrlKey && this.#tool()?.onWheel?.(event)) return;
    const step = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
    this.#view.zoom(this.#view.scale * Math.exp(-step * WHEEL_STEP), this.place(event));
  }
}
