/** Frames and results as plain records, and back. */

import { createItem } from '../frames.js';
import { Mask } from '../mask/mask.js';

const PLAIN = [
  'id', 'fileId', 'name', 'number', 'size', 'kind', 'spacing', 'spacingNote', 'regions', 'statedSpacing', 'reference', 'measurements',
  'annotator', 'seconds', 'edited', 'status',
];

/** @param {string} session @param {import('../frames.js').Item} item */
export function itemRecord(session, item) {
  const plain = Object.fromEntries(PLAIN.filter((key) => item[key] !== undefined).map((key) => [key, item[key]]));
  const results = [...item.results.values()].map((result) => ({ ...result, planes: null, labels: null }));
  return { session, id: item.id, plain, results, mask: item.mask?.serialize() ?? null };
}

/** The frame of a record; a damaged mask is left out: the model makes it again. */
export function itemOf({ plain, results, mask }) {
  const item = createItem({ ...plain, results: new Map(results.map((result) => [result.model, result])) });
  if (item.status === 'failed') item.status = 'new'; // why it failed is not kept: it is asked again
  try {
    item.mask = mask && Mask.restore(mask);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    item.edited = false;
  }
  return item;
}

/** @param {string} session @param {import('../files/files.js').OpenFile} file */
export function fileRecord(session, file) {
  return { session, id: file.id, name: file.name, blob: file.blob };
}
