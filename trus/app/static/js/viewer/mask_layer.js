/** Pixels over the picture: fill of the classes, heat of one class's probability, the uncertain rim. */

import { whole } from '../mask/box.js';
import { toWord, viridis } from './colours.js';

/** From this probability on a pixel is called uncertain, up to its complement (in 1/256). */
const UNCERTAIN = [64, 192];
const FAINT = 8;
const HEAT_ALPHA = 170;
const RIM_ALPHA = 165;
const PALE = 0.65;

/**
 * How to paint.
 *
 * @typedef {object} Look
 * @property {{k: number, rgb: [number, number, number]}[]} classes those shown, outer ones first
 * @property {boolean} fill
 * @property {number} opacity of the fill, 0..1
 * @property {number|null} heat class whose probability is shown
 * @property {boolean} rim
 */

export class MaskLayer {
  canvas = document.createElement('canvas');
  #context = this.canvas.getContext('2d', { willReadFrequently: false });
  #heat = heatTable();

  /**
   * Paints what changed of the mask, and draws it.
   *
   * @param {CanvasRenderingContext2D} context whose unit is the frame's pixel
   * @param {import('../mask/mask.js').Mask} mask
   * @param {Uint8Array[]|null} planes probabilities
   * @param {Look} look
   * @param {import('../mask/box.js').Box[]|null} boxes what changed since the last drawing; null: everything
   */
  draw(context, mask, planes, look, boxes) {
    if (this.canvas.width !== mask.width || this.canvas.height !== mask.height) {
      Object.assign(this.canvas, { width: mask.width, height: mask.height });
    }
    for (const box of boxes ?? [whole(mask.width, mask.height)]) this.#paint(mask, planes, look, box);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.canvas, 0, 0);
  }

  #paint(mask, planes, look, box) {
    const [width, height] = [box.x1 - box.x0, box.y1 - box.y0];
    if (width <= 0 || height <= 0) return;
    const image = new ImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    const rows = { box, stride: mask.width };
    if (look.heat !== null && planes) this.#paintHeat(words, planes[look.heat], rows);
    else if (look.fill) paintFill(words, mask, look, rows);
    if (look.rim && planes) for (const { k, rgb } of look.classes) paintRim(words, planes[k], rgb, rows);
    this.#context.putImageData(image, box.x0, box.y0);
  }

  #paintHeat(words, plane, rows) {
    const table = this.#heat;
    walk(rows, (at, from) => (words[at] = table[plane[from]]));
  }
}

function paintFill(words, mask, look, rows) {
  for (const { k, rgb } of look.classes) {
    const word = toWord(rgb, Math.round(look.opacity * 255));
    const plane = mask.plane(k);
    walk(rows, (at, from) => {
      if (plane[from]) words[at] = word;
    });
  }
}

/** Uncertain pixels in a pale tone of the class, so that the rim stands out from fill and contour. */
function paintRim(words, plane, rgb, rows) {
  const [low, high] = UNCERTAIN;
  const word = toWord(rgb.map((value) => Math.round(value + (255 - value) * PALE)), RIM_ALPHA);
  walk(rows, (at, from) => {
    if (plane[from] >= low && plane[from] < high) words[at] = word;
  });
}

function walk({ box, stride }, visit) {
  for (let y = box.y0, at = 0; y < box.y1; y += 1) {
    for (let x = box.x0, from = y * stride + box.x0; x < box.x1; x += 1, at += 1, from += 1) visit(at, from);
  }
}

function heatTable() {
  return Uint32Array.from({ length: 256 }, (_, q) => {
    const alpha = q < FAINT ? 0 : Math.min(HEAT_ALPHA, 60 + q);
    return toWord(viridis(q / 255), alpha);
  });
}

