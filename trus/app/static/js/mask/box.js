/** Boxes of whole pixels: columns x0 to x1 - 1, rows y0 to y1 - 1. */

/** @typedef {{x0: number, y0: number, x1: number, y1: number}} Box */
/** A part of a plane: `data` holds 0 or 1 for each pixel of `box`, row by row.
 * @typedef {{box: Box, data: Uint8Array}} Patch */

/** @returns {Box} */
export function whole(width, height) {
  return { x0: 0, y0: 0, x1: width, y1: height };
}

/** @param {Box} box */
export function isEmpty(box) {
  return box.x1 <= box.x0 || box.y1 <= box.y0;
}

/** @param {Box} box */
export function area(box) {
  return isEmpty(box) ? 0 : (box.x1 - box.x0) * (box.y1 - box.y0);
}

/** @param {Box | null} a @param {Box | null} b the box around both; null is none @returns {Box | null} */
export function union(a, b) {
  if (!a || isEmpty(a)) return b;
  if (!b || isEmpty(b)) return a;
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}

/** The part of `box` within a picture, its sides whole numbers. @param {Box} box @returns {Box} */
export function clip(box, width, height) {
  const within = (value, end) => Math.min(Math.max(value, 0), end);
  const x0 = within(Math.floor(box.x0), width);
  const y0 = within(Math.floor(box.y0), height);
  return { x0, y0, x1: Math.max(x0, within(Math.ceil(box.x1), width)), y1: Math.max(y0, within(Math.ceil(box.y1), height)) };
}

/** @param {Box} box @param {number} by px on each side @returns {Box} */
export function grown(box, by) {
  return { x0: box.x0 - by, y0: box.y0 - by, x1: box.x1 + by, y1: box.y1 + by };
}

/** The box around all set pixels of a plane; null where there is none. @returns {Box | null} */
export function bounds(plane, width, height) {
  let x0 = width;
  let x1 = 0;
  let y0 = -1;
  let y1 = 0;
  for (let y = 0; y < height; y += 1) {
    const start = y * width;
    const first = plane.subarray(start, start + width).indexOf(1);
    if (first < 0) continue;
    if (y0 < 0) y0 = y;
    y1 = y + 1;
    if (first < x0) x0 = first;
    const last = plane.subarray(start, start + width).lastIndexOf(1) + 1;
    if (last > x1) x1 = last;
  }
  return y0 < 0 ? null : { x0, y0, x1, y1 };
}

/** @param {Uint8Array} plane @param {Box} box within the plane @returns {Uint8Array} a copy of that part */
export function cut(plane, width, box) {
  const columns = box.x1 - box.x0;
  const part = new Uint8Array(area(box));
  for (let y = box.y0, at = 0; y < box.y1; y += 1, at += columns) {
    const start = y * width + box.x0;
    part.set(plane.subarray(start, start + columns), at);
  }
  return part;
}

/** The inverse of `cut`. @param {Uint8Array} plane changed in place @param {Box} box @param {Uint8Array} part */
export function paste(plane, width, box, part) {
  const columns = box.x1 - box.x0;
  for (let y = box.y0, at = 0; y < box.y1; y += 1, at += columns) {
    plane.set(part.subarray(at, at + columns), y * width + box.x0);
  }
}
