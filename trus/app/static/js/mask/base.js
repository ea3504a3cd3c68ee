/** The planes that the model and the thresholds give, and how corrections lie over them. */
import { decided } from './nesting.js';

/** Corrections of a pixel: forced on, forced off; 0 is none. */
export const ON = 1;
export const OFF = 2;

/**
 * @param {{planes: Uint8Array[], labels: Uint8Array}} result probabilities in 1/256, and the model's own label map
 * @param {(number | null)[]} thresholds one a class in 1/256; null: as the model's own mask has it
 * @param {{value: number}[]} targets @param {import('./nesting.js').Nesting} nest
 * @returns {Uint8Array[]} 0 or 1, one plane a class
 */
export function basePlanes(result, thresholds, targets, nest) {
  const own = (k) => covered(result.labels, ownTable(k, targets, nest));
  if (thresholds.every((threshold) => threshold === null)) return targets.map((_, k) => own(k));
  const present = thresholds.map((threshold, k) => (threshold === null ? own(k) : reached(result.planes[k], threshold)));
  const winner = decided(present, result.planes, nest);
  return nest.covers.map((table) => covered(winner, table));
}

function ownTable(k, targets, nest) {
  const table = new Uint8Array(256);
  for (const j of [k, ...nest.inner[k]]) table[targets[j].value] = 1;
  return table;
}

function covered(values, table) {
  const plane = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1) plane[i] = table[values[i]];
  return plane;
}

function reached(probabilities, threshold) {
  const plane = new Uint8Array(probabilities.length);
  for (let i = 0; i < plane.length; i += 1) plane[i] = probabilities[i] >= threshold ? 1 : 0;
  return plane;
}

/** `shown` within a box: the corrections over the base. @param {import('./box.js').Box} box */
export function compose(shown, base, edits, width, box) {
  for (let y = box.y0; y < box.y1; y += 1) {
    for (let i = y * width + box.x0, end = y * width + box.x1; i < end; i += 1) {
      shown[i] = edits[i] ? OFF - edits[i] : base[i];
    }
  }
}
