/** The planes that the model and the thresholds give, before any correction. */
import { decided } from './nesting.js';

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
