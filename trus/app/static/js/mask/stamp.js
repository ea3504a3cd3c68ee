/** The pixels under a round brush. */
import { area, clip } from './box.js';

/**
 * Pixels whose centre is at most `radius` from the line between two points: a stroke's part from one to the next.
 * @param {{x: number, y: number}} from in frame px @param {{x: number, y: number}} to @param {number} radius px
 * @returns {import('./box.js').Patch | null} null where the picture has none of them
 */
export function stamp(from, to, radius, width, height) {
  const box = clip(
    {
      x0: Math.min(from.x, to.x) - radius,
      y0: Math.min(from.y, to.y) - radius,
      x1: Math.max(from.x, to.x) + radius,
      y1: Math.max(from.y, to.y) + radius,
    },
    width,
    height,
  );
  const data = new Uint8Array(area(box));
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const most = Math.max(radius, 0.5) ** 2;
  for (let y = box.y0, at = 0; y < box.y1; y += 1) {
    const py = y + 0.5 - from.y;
    for (let x = box.x0; x < box.x1; x += 1, at += 1) {
      const px = x + 0.5 - from.x;
      const along = length ? Math.min(Math.max((px * dx + py * dy) / length, 0), 1) : 0;
      const [ex, ey] = [px - along * dx, py - along * dy];
      if (ex * ex + ey * ey <= most) data[at] = 1;
    }
  }
  return data.includes(1) ? { box, data } : null;
}
