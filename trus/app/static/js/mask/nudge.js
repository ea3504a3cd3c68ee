/** Pushing an outline with the pointer: a warp whose displacements add up, so that a long drag stays sharp. */
import { area, clip, cut, union } from './box.js';

const LARGEST_STEP = 0.25; // of the radius: a larger one would fold the picture

export class Nudge {
  /** @param {Uint8Array} plane 0 or 1, as it is when the drag begins; copied */
  constructor(plane, width, height) {
    Object.assign(this, { plane: plane.slice(), width, height, box: null, shiftX: null, shiftY: null });
  }

  /**
   * Push what lies around the pointer; the push falls off to nothing at `radius`.
   * @param {{x: number, y: number}} from in frame px @param {{x: number, y: number}} to @param {number} radius px
   * @returns {import('./box.js').Patch | null} the plane where this push changed it
   */
  push(from, to, radius) {
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const steps = Math.ceil(Math.hypot(dx, dy) / (LARGEST_STEP * radius));
    let touched = null;
    for (let step = 0; step < steps; step += 1) {
      const centre = { x: from.x + (dx * (step + 1)) / steps, y: from.y + (dy * (step + 1)) / steps };
      touched = union(touched, this.#warp(centre, dx / steps, dy / steps, radius));
    }
    return touched && { box: touched, data: this.#resampled(touched) };
  }

  /** The new displacement of a pixel is the push there and the old one of the place that it comes from. */
  #warp(centre, dx, dy, radius) {
    const { x, y } = centre;
    const box = clip({ x0: x - radius, y0: y - radius, x1: x + radius, y1: y + radius }, this.width, this.height);
    if (!area(box)) return null;
    this.#allocate();
    const [newX, newY] = [new Float32Array(area(box)), new Float32Array(area(box))];
    let at = 0;
    for (let row = box.y0; row < box.y1; row += 1) {
      for (let column = box.x0; column < box.x1; column += 1, at += 1) {
        const near = 1 - ((column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2) / (radius * radius);
        const weight = near > 0 ? near * near : 0;
        const [px, py] = [column - weight * dx, row - weight * dy];
        newX[at] = weight * dx + sample(this.shiftX, this.width, this.height, px, py);
        newY[at] = weight * dy + sample(this.shiftY, this.width, this.height, px, py);
      }
    }
    put(this.shiftX, this.width, box, newX);
    put(this.shiftY, this.width, box, newY);
    return box;
  }

  #allocate() {
    this.shiftX ??= new Float32Array(this.plane.length);
    this.shiftY ??= new Float32Array(this.plane.length);
  }

  #resampled(box) {
    const data = cut(this.plane, this.width, box);
    let at = 0;
    for (let y = box.y0; y < box.y1; y += 1) {
      for (let x = box.x0; x < box.x1; x += 1, at += 1) {
        const [dx, dy] = [this.shiftX[y * this.width + x], this.shiftY[y * this.width + x]];
        if (dx || dy) data[at] = sample(this.plane, this.width, this.height, x - dx, y - dy) >= 0.5 ? 1 : 0;
      }
    }
    return data;
  }
}

/** Bilinear between pixel centres; outside, the edge's value. */
function sample(values, width, height, x, y) {
  const cx = Math.min(Math.max(x, 0), width - 1);
  const cy = Math.min(Math.max(y, 0), height - 1);
  const [x0, y0] = [Math.floor(cx), Math.floor(cy)];
  const [fx, fy] = [cx - x0, cy - y0];
  const right = x0 + 1 < width ? 1 : 0;
  const at = y0 * width + x0;
  const below = y0 + 1 < height ? at + width : at;
  const upper = values[at] + fx * (values[at + right] - values[at]);
  return upper + fy * (values[below] + fx * (values[below + right] - values[below]) - upper);
}

function put(plane, width, box, values) {
  const columns = box.x1 - box.x0;
  for (let y = box.y0, at = 0; y < box.y1; y += 1, at += columns) {
    plane.set(values.subarray(at, at + columns), y * width + box.x0);
  }
}
