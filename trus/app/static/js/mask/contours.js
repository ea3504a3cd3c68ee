/** Outlines of a plane as closed rings through the middles of pixel sides. */

// a step along a pixel's side with the inside on the right hand: east, south, west, north
const STEP_X = [1, 0, -1, 0];
const STEP_Y = [0, 1, 0, -1];
// the pixels left and right ahead of a corner, by direction, from that corner
const LEFT_X = [0, 0, -1, -1];
const LEFT_Y = [-1, 0, 0, -1];

/**
 * Outer rings run clockwise on the screen, holes the other way; pixels that touch by a corner are one component, as in
 * trus.data.annotations. Straight runs keep their two ends only.
 * @param {Uint8Array} plane 0 or 1, row by row @param {number} width @param {number} height
 * @returns {Float32Array[]} x0, y0, x1, y1, ... in frame px, pixel (0, 0) covering 0 to 1; the last joins the first
 */
export function traceContours(plane, width, height) {
  const seen = new Uint8Array(plane.length); // sides that lie above a set pixel: every ring has one
  const rings = [];
  // most of a frame holds nothing: indexOf leaps over it
  for (let i = plane.indexOf(1); i >= 0; i = plane.indexOf(1, i)) {
    for (; plane[i]; i += 1) {
      if (!seen[i] && (i < width || !plane[i - width])) rings.push(follow(plane, width, height, seen, i));
    }
  }
  return rings;
}

/** One ring, from the side above pixel `first`, eastwards. */
function follow(plane, width, height, seen, first) {
  const points = [];
  let [x, y, way] = [first % width, Math.floor(first / width), 0];
  const [startX, startY] = [x, y];
  let last = -1;
  do {
    if (way === 0) seen[y * width + x] = 1;
    const next = turn(plane, width, height, x + STEP_X[way], y + STEP_Y[way], way);
    if (way !== last || way !== next) points.push(x + STEP_X[way] / 2, y + STEP_Y[way] / 2);
    x += STEP_X[way];
    y += STEP_Y[way];
    last = way;
    way = next;
  } while (x !== startX || y !== startY || way !== 0);
  return Float32Array.from(points);
}

/** Where to go on from corner (x, y). */
function turn(plane, width, height, x, y, way) {
  const right = (way + 1) % 4;
  if (at(plane, width, height, x + LEFT_X[way], y + LEFT_Y[way])) return (way + 3) % 4;
  return at(plane, width, height, x + LEFT_X[right], y + LEFT_Y[right]) ? way : right;
}

function at(plane, width, height, x, y) {
  return x >= 0 && y >= 0 && x < width && y < height && plane[y * width + x];
}
