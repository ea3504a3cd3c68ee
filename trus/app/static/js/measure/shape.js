/** Size and shape of the masks of a frame, class by class. */

import { bounds, cut, whole } from '../mask/box.js';
import { components } from '../mask/components.js';
import { diameters } from './diameters.js';
import { perimeter } from './perimeter.js';
import { IN_PIXELS, areaInRegions, scaleAt } from './scale.js';

/**
 * One class of a frame. Lengths are in `unit`, areas in `areaUnit`; the area can be certain in mm2 where lengths are not
 * (a mask over two regions with a spacing each). Perimeter: Crofton's. Diameters: of the largest part.
 *
 * @typedef {object} Shape
 * @property {number} value label value of the class
 * @property {string} name
 * @property {number} pixels
 * @property {number} parts connected by sides or corners
 * @property {'mm'|'px'} unit
 * @property {'mm2'|'px2'} areaUnit
 * @property {number} area
 * @property {number} perimeter
 * @property {import('./diameters.js').Diameter|null} widest null where there is nothing
 * @property {import('./diameters.js').Diameter|null} across the widest at a right angle to it
 * @property {'file'|'stated'|null} source who says how long a pixel is
 * @property {string|null} note key of a text that says why lengths are in pixels
 * @property {string} detail what the file says of it
 */

/** @type {WeakMap<object, {key: string, mask: object, list: Shape[]}>} */
const known = new WeakMap();

/**
 * The shapes of a frame's mask as it is now, in the order of its classes; null where it has no mask.
 *
 * @param {object} item
 * @returns {Shape[]|null}
 */
export function shapes(item) {
  if (!item.mask) return null;
  const measured = measuredShapes(item);
  if (measured) return measured;
  const list = readMask(item, (mask) => measure(item, mask));
  known.set(item, { key: keyOf(item), mask: item.mask, list });
  return list;
}

/** The same where it was measured already, else null: for lists of many frames. @returns {Shape[]|null} */
export function measuredShapes(item) {
  const last = known.get(item);
  return item.mask && last?.mask === item.mask && last.key === keyOf(item) ? last.list : null;
}

/** Measures frames one by one without keeping the page waiting. @param {(item: object) => void} told after each */
export async function measureAll(items, signal, told) {
  for (const item of items) {
    if (!item.mask || measuredShapes(item)) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (signal.aborted) return;
    shapes(item);
    told(item);
  }
}

function keyOf(item) {
  return `${item.spacing ?? ''}/${item.statedSpacing ?? ''}/${item.mask.version}`;
}

/**
 * What `read` makes of a frame's mask. A packed mask opens when its pixels are read: it is packed again, so that going
 * through many frames does not fill the memory.
 *
 * @template T
 * @param {object} item with a mask
 * @param {(mask: import('../mask/mask.js').Mask) => T} read
 */
export function readMask({ mask }, read) {
  const packed = !mask.attached;
  const made = read(mask);
  if (packed) mask.pack();
  return made;
}

/** @param {object} item @param {number} value label value of a class @returns {Shape|undefined} */
export function shapeOf(item, value) {
  return shapes(item)?.find((shape) => shape.value === value);
}

function measure(item, mask) {
  return mask.targets.map(({ name, value }, k) => ({ name, value, ...measurePlane(item, mask.plane(k), mask) }));
}

/**
 * @param {object} item with `spacing`, `regions`, `statedSpacing` and `size`
 * @param {Uint8Array} plane 0 or 1, row by row
 * @param {{width: number, height: number}} size
 * @returns {Omit<Shape, 'name'|'value'>}
 */
export function measurePlane(item, plane, { width, height }) {
  const box = bounds(plane, width, height);
  const scale = scaleAt(item, box ?? whole(width, height));
  if (!box) return { ...NOTHING, ...unitsOf(scale) };
  const part = cut(plane, width, box);
  const size = { width: box.x1 - box.x0, height: box.y1 - box.y0 };
  const { labels, areas } = components(part, size.width, size.height);
  const pixels = areas.reduce((sum, each) => sum + each, 0);
  const spacing = scale.spacing ?? IN_PIXELS;
  const area = scale.spacing ? pixels * spacing[0] * spacing[1] : areaInRegions(item, plane, pixels);
  return {
    ...unitsOf(scale),
    pixels,
    parts: areas.length - 1,
    area: area ?? pixels,
    areaUnit: area === null ? 'px2' : 'mm2',
    perimeter: perimeter(part, size, spacing),
    ...largestDiameters(labels, areas, size, spacing, box),
  };
}

const NOTHING = { pixels: 0, parts: 0, area: 0, perimeter: 0, widest: null, across: null };

function unitsOf({ spacing, source, note, detail }) {
  return { unit: spacing ? 'mm' : 'px', areaUnit: spacing ? 'mm2' : 'px2', source, note, detail };
}

function largestDiameters(labels, areas, size, spacing, { x0, y0 }) {
  const largest = areas.indexOf(Math.max(...areas));
  const part = Uint8Array.from(labels, (label) => (label === largest ? 1 : 0));
  const { widest, across } = diameters(part, size, spacing);
  const inFrame = ({ x, y }) => ({ x: x + x0, y: y + y0 });
  const moved = ({ length, from, to }) => ({ length, from: inFrame(from), to: inFrame(to) });
  return { widest: moved(widest), across: moved(across) };
}
