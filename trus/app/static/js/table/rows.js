/** What the table of results shows of each frame, its order and its filters. Nothing here touches the page. */

import { measuredShapes } from '../measure/shape.js';

/**
 * @typedef {object} Row
 * @property {object} item
 * @property {number} position in the list of frames, from 0
 * @property {string} status
 * @property {Map<string, import('../measure/shape.js').Shape>} shapes by class; none while it is not measured
 * @property {Map<string, number|null>} probability mean probability by class
 * @property {number|null} confidence lowest of them
 * @property {number} warnings
 * @property {boolean} corrected
 */

/** @param {object} item @param {number} position @returns {Row} */
export function rowOf(item, position) {
  const result = item.results.get(item.mask?.model) ?? null;
  const probability = new Map((result?.targets ?? []).map((target) => [target.name, target.meanProbability]));
  const known = [...probability.values()].filter((value) => value !== null && value !== undefined);
  return {
    item,
    position,
    status: item.status,
    shapes: new Map((measuredShapes(item) ?? []).map((shape) => [shape.name, shape])),
    probability,
    confidence: known.length ? Math.min(...known) : null,
    warnings: result?.warnings.length ?? 0,
    corrected: Boolean(item.edited),
  };
}

/**
 * @typedef {object} Filter
 * @property {string} [present] a class that must be there
 * @property {string} [absent] a class that must not
 * @property {'warnings'|'corrected'|'uncorrected'|'failed'|'waiting'|''} [state]
 * @property {string} [text] part of the name
 */

const STATES = {
  warnings: (row) => row.warnings > 0,
  corrected: (row) => row.corrected,
  uncorrected: (row) => !row.corrected && row.status === 'done',
  failed: (row) => row.status === 'failed',
  waiting: (row) => row.status !== 'done' && row.status !== 'failed',
};

/** @param {Row[]} rows @param {Filter} filter */
export function filterRows(rows, { present, absent, state, text }) {
  const wanted = text?.trim().toLowerCase();
  const holds = (row, name) => (row.shapes.get(name)?.pixels ?? 0) > 0;
  return rows.filter(
    (row) =>
      (!present || holds(row, present)) &&
      (!absent || (row.shapes.has(absent) && !holds(row, absent))) &&
      (!state || STATES[state](row)) &&
      (!wanted || row.item.name.toLowerCase().includes(wanted)),
  );
}

/** @typedef {{key: string, descending: boolean}} Order key: position, name, status, confidence, warnings, ... area:CLASS */

/** Ordered; frames without a value come last either way, equal ones stay in the order of the list. @param {Row[]} rows */
export function sortRows(rows, { key, descending }, collator) {
  const value = valueOf(key);
  return rows
    .map((row) => ({ row, value: value(row) }))
    .sort((a, b) => ordered(a.value, b.value, descending, collator) || a.row.position - b.row.position)
    .map(({ row }) => row);
}

const VALUES = {
  position: (row) => row.position,
  name: (row) => row.item.name,
  status: (row) => ['failed', 'running', 'queued', 'new', 'done'].indexOf(row.status),
  confidence: (row) => row.confidence,
  warnings: (row) => row.warnings,
  corrected: (row) => Number(row.corrected),
  annotator: (row) => row.item.annotator || null,
  seconds: (row) => row.item.seconds || null,
};

function valueOf(key) {
  const [kind, name] = key.split(':');
  if (kind === 'area') return (row) => row.shapes.get(name)?.area ?? null;
  if (kind === 'widest') return (row) => row.shapes.get(name)?.widest?.length ?? null;
  return VALUES[kind];
}

function ordered(a, b, descending, collator) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const way = typeof a === 'string' ? collator.compare(a, b) : a - b;
  return descending ? -way : way;
}
