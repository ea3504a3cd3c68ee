/** Polygons filled by pixel centres, the rule of trus.data.annotations.filling. */
import { area, clip } from './box.js';

/**
 * Pixels whose centre lies inside by the even-odd rule. A centre exactly on an edge belongs to the side right of it or
 * below.
 * @param {ArrayLike<number>[]} rings x0, y0, x1, y1, ... in frame px; the last point joins the first
 * @returns {import('./box.js').Patch | null} null where no pixel lies inside
 */
export function filled(rings, width, height) {
  const box = ringBox(rings, width, height);
  const columns = box.x1 - box.x0;
  const data = new Uint8Array(area(box));
  if (!data.length) return null;
  const turns = new Uint8Array((columns + 1) * (box.y1 - box.y0));
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      const next = (i + 2) % ring.length;
      cross(turns, box, ring[i], ring[i + 1], ring[next], ring[next + 1]);
    }
  }
  for (let at = 0, from = 0; at < data.length; from += 1) {
    for (let x = 0, inside = 0; x < columns; x += 1) data[at++] = inside ^= turns[from++];
  }
  return data.includes(1) ? { box, data } : null;
}

function ringBox(rings, width, height) {
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      box.x0 = Math.min(box.x0, ring[i]);
      box.x1 = Math.max(box.x1, ring[i]);
      box.y0 = Math.min(box.y0, ring[i + 1]);
      box.y1 = Math.max(box.y1, ring[i + 1]);
    }
  }
  return box.x0 <= box.x1 ? clip(box, width, height) : { x0: 0, y0: 0, x1: 0, y1: 0 };
}

/** Notes, in each row whose centre line an edge crosses, the first column whose centre is not left of it. */
function cross(turns, box, xa, ya, xb, yb) {
  if (ya === yb) return;
  const [x0, y0, x1, y1] = ya < yb ? [xa, ya, xb, yb] : [xb, yb, xa, ya];
  const columns = box.x1 - box.x0;
  const first = Math.max(Math.ceil(y0 - 0.5), box.y0);
  const last = Math.min(Math.ceil(y1 - 0.5), box.y1);
  const slope = (x1 - x0) / (y1 - y0);
  for (let y = first; y < last; y += 1) {
    const column = Math.ceil(x0 + (y + 0.5 - y0) * slope - 0.5) - box.x0;
    turns[(y - box.y0) * (columns + 1) + Math.min(Math.max(column, 0), columns)] ^= 1;
  }
}
