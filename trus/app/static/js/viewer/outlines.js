/** Outlines of masks as paths in frame pixels, traced again only where a mask changed. */

import { traceContours } from '../mask/contours.js';

/** @param {Float32Array[]} rings closed, x and y in turn @returns {Path2D} */
export function toPath(rings) {
  const path = new Path2D();
  for (const ring of rings) {
    path.moveTo(ring[0], ring[1]);
    for (let i = 2; i < ring.length; i += 2) path.lineTo(ring[i], ring[i + 1]);
    path.closePath();
  }
  return path;
}

export class Outlines {
  #paths = new Map();
  #mask = null;

  /** @param {import('../mask/mask.js').Mask} mask @param {number} k @returns {Path2D} */
  of(mask, k) {
    if (this.#mask !== mask) this.#paths.clear();
    this.#mask = mask;
    const plane = mask.plane(k);
    const version = mask.versions[k];
    if (this.#paths.get(k)?.version !== version) {
      this.#paths.set(k, { version, path: toPath(traceContours(plane, mask.width, mask.height)) });
    }
    return this.#paths.get(k).path;
  }
}

/**
 * Strokes a path with a constant width on the screen, with a dark edge so that it is seen on bright tissue.
 *
 * @param {CanvasRenderingContext2D} context whose unit is the frame's pixel
 */
export function stroke(context, path, colour, scale, { width = 2, dash = [] } = {}) {
  context.lineJoin = 'round';
  context.setLineDash(dash.map((length) => length / scale));
  context.lineWidth = (width + 1.5) / scale;
  context.strokeStyle = 'rgba(0, 0, 0, 0.4)';
  context.stroke(path);
  context.lineWidth = width / scale;
  context.strokeStyle = colour;
  context.stroke(path);
  context.setLineDash([]);
}
