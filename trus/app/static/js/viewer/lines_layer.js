/** Lines over the picture in frame pixels: outlines of the mask and of the reference. */

import { Outlines, stroke, toPath } from './outlines.js';

const REFERENCE = '#ffffff';
const DASH = [6, 4];

export class LinesLayer {
  #outlines = new Outlines();
  #references = new WeakMap();

  /**
   * @param {CanvasRenderingContext2D} context whose unit is the frame's pixel
   * @param {import('./view.js').View} view
   * @param {{contour: boolean, reference: boolean, classes: {k: number, hex: string}[]}} look
   */
  draw(context, { mask, item, scale }, look) {
    if (mask && look.contour) {
      for (const { k, hex } of look.classes) stroke(context, this.#outlines.of(mask, k), hex, scale);
    }
    if (item?.reference && look.reference) {
      for (const path of this.#pathsOf(item.reference)) stroke(context, path, REFERENCE, scale, { dash: DASH });
    }
  }

  #pathsOf(reference) {
    if (!this.#references.has(reference)) this.#references.set(reference, reference.rings.map(toPath));
    return this.#references.get(reference);
  }
}
