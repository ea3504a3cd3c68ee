/** A frame on the screen: the picture on one canvas, mask and lines on another; fewer canvases make cheaper changes. */
import { h } from '../dom.js';
import { createEvents } from '../store.js';
import { LinesLayer } from './lines_layer.js';
import { MaskLayer } from './mask_layer.js';
import { Transform } from './transform.js';
import { WindowedPicture } from './windowing.js';

const LAYERS = ['picture', 'marks'];
const CRISP_FROM = 8;
const ratio = () => window.devicePixelRatio || 1;

export class View {
  transform = new Transform();
  /** @type {import('../frames.js').Item|null} */
  item = null;
  /** @type {import('./pictures.js').Picture|null} */
  picture = null;
  /** @type {import('../mask/mask.js').Mask|null} */
  mask = null;
  /** @type {import('../frames.js').Result|null} */
  result = null;
  #events = createEvents();
  #overlays = new Set();
  #dirty = new Set();
  #boxes = [];
  #requested = 0;
  #windowed = new WindowedPicture();
  #maskLayer = new MaskLayer();
  #linesLayer = new LinesLayer();
  #endMask = () => undefined;
  #fitted = true;
  #size = { width: 0, height: 0 };
  #observer = new ResizeObserver(() => this.#resize());
  #look;

  /**
   * @param {HTMLElement} host
   * @param {(view: View) => import('./mask_layer.js').Look & {contour: boolean, names: string[],
   *   window: {center: number, width: number}|null, reference: boolean}} look what is to be shown, asked at each drawing
   */
  constructor(host, look) {
    this.host = host;
    this.#look = look;
    this.canvases = LAYERS.map((name) => h('canvas', { class: `layer layer-${name}`, 'aria-hidden': 'true' }));
    host.append(...this.canvases);
    this.#observer.observe(host);
    this.#resize();
  }

  get scale() {
    return this.transform.scale;
  }

  get size() {
    return this.#size; // as last laid out: asking costs no new layout
  }

  /** @param {{x: number, y: number}} point of the frame @returns {{x: number, y: number}} in CSS pixels of the host */
  toScreen(point) {
    return this.transform.toScreen(point);
  }

  /** @param {{x: number, y: number}} point in CSS pixels of the host @returns {{x: number, y: number}} in frame pixels */
  toFrame(point) {
    return this.transform.toFrame(point);
  }

  /**
   * @param {{draw: (context: CanvasRenderingContext2D, view: View) => void, layer?: string}} overlay drawn with the marks,
   *   or with the picture: what stays while a mask is painted costs nothing there @returns {() => void} removes it
   */
  addOverlay(overlay) {
    const request = () => this.#request(overlay.layer ?? 'marks');
    this.#overlays.add(overlay);
    request();
    return () => (this.#overlays.delete(overlay), request());
  }

  /** @param {() => void} listener called when another picture or mask is shown @returns {() => void} ends it */
  onShown(listener) {
    return this.#events.on('shown', listener);
  }

  /** @param {() => void} listener called when the frame moved on the screen @returns {() => void} ends it */
  onMove(listener) {
    return this.#events.on('move', listener);
  }

  /** Shows another frame; its mask comes by `setMask`. */
  setPicture(item, picture) {
    const other = !this.picture || !picture || picture.width !== this.picture.width || picture.height !== this.picture.height;
    if (item !== this.item) this.setMask(null, null);
    Object.assign(this, { item, picture });
    this.#windowed.use(picture);
    if (picture && other) this.fit();
    this.#request(...LAYERS);
    this.#events.emit('shown');
  }

  /** @param {import('../mask/mask.js').Mask|null} mask @param {import('../frames.js').Result|null} result */
  setMask(mask, result) {
    this.result = result;
    if (mask !== this.mask) {
      this.#endMask();
      this.mask = mask;
      this.#endMask = mask?.onChange((box) => this.invalidateMask(box)) ?? (() => undefined);
    }
    this.invalidateMask();
    this.#events.emit('shown');
  }

  /** Draws what lies over the picture again. */
  invalidate() {
    this.#request('marks');
  }

  /** Draws the mask again, where a box is given only there. @param {import('../mask/box.js').Box} [box] */
  invalidateMask(box) {
    if (box && this.#boxes) this.#boxes.push(box);
    else this.#boxes = null;
    this.#request('marks');
  }

  invalidateAll() {
    this.#boxes = null;
    this.#request(...LAYERS);
  }

  levelsAt(x, y) {
    return this.picture ? this.#windowed.at(x, y) : null;
  }

  /** All of the frame in sight, also after the window's size changes, until the user zooms. */
  fit() {
    if (!this.picture) return;
    this.#fitted = true;
    this.transform.fit(this.picture.width, this.picture.height, this.size.width, this.size.height);
    this.#moved();
  }

  /** @param {number} scale @param {{x: number, y: number}} [point] in CSS pixels of the host; without it the middle */
  zoom(scale, point = { x: this.size.width / 2, y: this.size.height / 2 }) {
    this.transform.zoomAt(scale, point);
    this.#placed();
  }

  /** @param {number} dx CSS pixels @param {number} dy */
  pan(dx, dy) {
    this.transform.x += dx;
    this.transform.y += dy;
    this.#placed();
  }

  /** Takes over where another view looks. @param {Transform} transform */
  follow(transform) {
    const { scale, x, y } = this.transform;
    if (scale === transform.scale && x === transform.x && y === transform.y) return;
    this.transform.copy(transform);
    this.#fitted = false;
    this.#moved();
  }

  /** Takes the view off the page. */
  end() {
    this.#endMask();
    this.#observer.disconnect();
    cancelAnimationFrame(this.#requested);
    this.host.remove();
  }

  #placed() {
    if (!this.picture) return;
    this.#fitted = false;
    this.transform.hold(this.picture.width, this.picture.height, this.size.width, this.size.height);
    this.#moved();
  }

  #moved() {
    this.#request(...LAYERS);
    this.#events.emit('move');
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!width || !height) return;
    this.#size = { width, height };
    this.#boxes = null;
    for (const canvas of this.canvases) {
      Object.assign(canvas, { width: Math.round(width * ratio()), height: Math.round(height * ratio()) });
    }
    if (this.#fitted) this.fit();
    this.draw(LAYERS);
  }

  #request(...layers) {
    for (const layer of layers) this.#dirty.add(layer);
    if (!this.#requested) this.#requested = requestAnimationFrame(() => this.draw([...this.#dirty]));
  }

  /** Draws now. @param {string[]} layers */
  draw(layers) {
    cancelAnimationFrame(this.#requested);
    this.#requested = 0;
    for (const layer of layers) this.#dirty.delete(layer);
    const look = this.#look(this);
    if (layers.includes('picture')) this.#drawPicture(this.#context('picture'), look);
    if (layers.includes('marks')) this.#drawMarks(this.#context('marks'), look);
  }

  #context(layer) {
    const context = this.canvases[LAYERS.indexOf(layer)].getContext('2d');
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    return context;
  }

  #useFrame(context) {
    const { scale, x, y } = this.transform;
    context.setTransform(ratio() * scale, 0, 0, ratio() * scale, ratio() * x, ratio() * y);
  }

  #drawPicture(context, look) {
    if (!this.picture) return;
    this.#useFrame(context);
    context.imageSmoothingEnabled = this.scale < CRISP_FROM;
    context.imageSmoothingQuality = this.scale < 1 ? 'high' : 'medium';
    context.drawImage(this.#windowed.through(look.window), 0, 0);
    this.#drawOverlays(context, 'picture');
  }

  #drawMarks(context, look) {
    this.#useFrame(context);
    if (this.mask) this.#maskLayer.draw(context, this.mask, this.result?.planes ?? null, look, this.#boxes);
    this.#boxes = [];
    this.#linesLayer.draw(context, this, look);
    this.#drawOverlays(context, 'marks');
  }

  #drawOverlays(context, layer) {
    context.setTransform(ratio(), 0, 0, ratio(), 0, 0);
    for (const overlay of this.#overlays) {
      if ((overlay.layer ?? 'marks') !== layer) continue;
      context.save();
      overlay.draw(context, this);
      context.restore();
    }
  }
}
