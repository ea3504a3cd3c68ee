/** Connected parts of a plane, and what they enclose. */
import { bounds, cut } from './box.js';

/** @typedef {import('./box.js').Box} Box @typedef {import('./box.js').Patch} Patch */

/**
 * @param {Uint8Array} plane 0 or 1, row by row
 * @param {boolean} [diagonal] whether pixels that touch by a corner are joined: 8-connected, else 4-connected
 * @returns {{labels: Int32Array, areas: number[]}} numbers from 1 in reading order, 0 outside; areas in px by number
 */
export function components(plane, width, height, diagonal = true) {
  const labels = new Int32Array(plane.length);
  const parent = [0];
  const root = (label) => {
    let at = label;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]];
    return at;
  };
  const reach = diagonal ? 1 : 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!plane[y * width + x]) continue;
      const start = x;
      while (x < width && plane[y * width + x]) x += 1;
      let label = 0;
      for (let i = Math.max(start - reach, 0); y > 0 && i < Math.min(x + reach, width); i += 1) {
        const above = labels[(y - 1) * width + i];
        if (above) label = joined(parent, root, label, above);
      }
      if (!label) label = parent.push(parent.length) - 1;
      labels.fill(label, y * width + start, y * width + x);
    }
  }
  return numbered(labels, parent, root);
}

function joined(parent, root, a, b) {
  const other = root(b);
  if (!a) return other;
  const low = Math.min(root(a), other);
  parent[Math.max(root(a), other)] = low;
  return low;
}

function numbered(labels, parent, root) {
  const numbers = new Int32Array(parent.length);
  const areas = [0];
  for (let i = 0; i < labels.length; i += 1) {
    if (!labels[i]) continue;
    const at = root(labels[i]);
    if (!numbers[at]) numbers[at] = areas.push(0) - 1;
    labels[i] = numbers[at];
    areas[labels[i]] += 1;
  }
  return { labels, areas };
}

/** What a plane encloses: background that does not reach the picture's edge by sides. @returns {Patch | null} */
export function holes(plane, width, height) {
  const box = bounds(plane, width, height);
  if (!box) return null;
  const [columns, rows] = [box.x1 - box.x0, box.y1 - box.y0];
  const outside = cut(plane, width, box).map((value) => 1 - value);
  const { labels, areas } = components(outside, columns, rows, false);
  const open = new Uint8Array(areas.length);
  open[0] = 1;
  for (let x = 0; x < columns; x += 1) open[labels[x]] = open[labels[(rows - 1) * columns + x]] = 1;
  for (let y = 0; y < rows; y += 1) open[labels[y * columns]] = open[labels[(y + 1) * columns - 1]] = 1;
  const data = Uint8Array.from(labels, (label) => 1 - open[label]);
  return data.includes(1) ? { box, data } : null;
}

/** The component that holds pixel (x, y), 8-connected. @returns {Patch | null} null where the pixel is not set */
export function componentAt(plane, width, height, x, y) {
  return chosen(plane, width, height, x, y, (label, here) => label === here);
}

/** All components but the one that holds pixel (x, y). @returns {Patch | null} null where there is none or no other */
export function otherComponents(plane, width, height, x, y) {
  return chosen(plane, width, height, x, y, (label, here) => label !== 0 && label !== here);
}

function chosen(plane, width, height, x, y, keep) {
  if (x < 0 || y < 0 || x >= width || y >= height || !plane[y * width + x]) return null;
  const { labels } = components(plane, width, height);
  const here = labels[y * width + x];
  return patchOf(labels, width, height, (label) => keep(label, here));
}

/** Components that are smaller than the largest one. @returns {Patch | null} */
export function allButLargest(plane, width, height) {
  const { labels, areas } = components(plane, width, height);
  const largest = areas.indexOf(Math.max(...areas));
  return patchOf(labels, width, height, (label) => label !== 0 && label !== largest);
}

function patchOf(labels, width, height, keep) {
  const plane = Uint8Array.from(labels, (label) => (keep(label) ? 1 : 0));
  const box = bounds(plane, width, height);
  return box && { box, data: cut(plane, width, box) };
}
