/** Lengths, angles, ellipses and volumes from points in a frame. Points are in pixels, results in mm or pixels. */

/** @typedef {{x: number, y: number}} Point */
/** @typedef {[number, number]} Spacing (row, column): mm a pixel, or [1, 1] */

const STEPS = 96;

/** Distance of two points in the unit of `spacing`. */
export function distance(a, b, [row, column]) {
  return Math.hypot((a.x - b.x) * column, (a.y - b.y) * row);
}

/** The angle a-corner-b in degrees, 0 to 180; null where a leg has no length. */
export function angle(a, corner, b, [row, column]) {
  const leg = (point) => ({ x: (point.x - corner.x) * column, y: (point.y - corner.y) * row });
  const [first, second] = [leg(a), leg(b)];
  const cross = first.x * second.y - first.y * second.x;
  const dot = first.x * second.x + first.y * second.y;
  return cross === 0 && dot === 0 ? null : (Math.abs(Math.atan2(cross, dot)) * 180) / Math.PI;
}

/**
 * An ellipse by both ends of one axis and a point that says how far it reaches at a right angle to it.
 *
 * @param {[Point, Point, Point]} points
 * @param {Spacing} spacing
 * @returns {{axes: [number, number], area: number, perimeter: number, outline: Point[], side: Point}} axes: lengths,
 *   the drawn one first; outline in frame pixels; side: the third point, put on the other axis
 */
export function ellipse([a, b, c], [row, column]) {
  const scaled = [a, b, c].map((point) => ({ x: point.x * column, y: point.y * row }));
  const centre = { x: (scaled[0].x + scaled[1].x) / 2, y: (scaled[0].y + scaled[1].y) / 2 };
  const along = { x: scaled[1].x - centre.x, y: scaled[1].y - centre.y };
  const semi = Math.hypot(along.x, along.y) || 1e-9;
  const reach = ((scaled[2].x - centre.x) * -along.y + (scaled[2].y - centre.y) * along.x) / semi;
  const other = { x: (-along.y / semi) * reach, y: (along.x / semi) * reach };
  const at = (turn) => ({
    x: (centre.x + along.x * Math.cos(turn) + other.x * Math.sin(turn)) / column,
    y: (centre.y + along.y * Math.cos(turn) + other.y * Math.sin(turn)) / row,
  });
  const outline = Array.from({ length: STEPS }, (_, i) => at((2 * Math.PI * i) / STEPS));
  const [p, q] = [semi, Math.abs(reach)];
  return { axes: [2 * p, 2 * q], area: Math.PI * p * q, perimeter: circumference(p, q), outline, side: at(Math.PI / 2) };
}

/** Of an ellipse with these half axes (Ramanujan 1914, second formula): within 0.05 % for any. */
function circumference(p, q) {
  const h = ((p - q) / (p + q)) ** 2;
  return Math.PI * (p + q) * (1 + (3 * h) / (10 + Math.sqrt(4 - 3 * h)));
}

/** Volume in mL of an ellipsoid with these three diameters in mm: pi/6 x a x b x c. */
export function ellipsoidVolume([a, b, c]) {
  return ((Math.PI / 6) * a * b * c) / 1000;
}

/** The smallest box of whole pixels that holds the points. @returns {import('../mask/box.js').Box} */
export function boxOf(points) {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const corner = { x0: Math.floor(Math.min(...xs)), y0: Math.floor(Math.min(...ys)) };
  return { ...corner, x1: Math.ceil(Math.max(...xs)), y1: Math.ceil(Math.max(...ys)) };
}
