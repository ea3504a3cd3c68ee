/** What can be exported, and how each kind is asked for. */

/**
 * @typedef {object} Format
 * @property {string} id the last part of the service's address
 * @property {boolean} picture whether the service needs the frame's picture
 * @property {'frame'|'study'|'all'} by what one request covers: its answer is one file
 * @property {string} suffix of a file that holds all of it
 * @property {(item: object) => boolean} [when] frames that it can be made of
 */

/** @type {Format[]} */
export const FORMATS = [
  { id: 'mask', picture: false, by: 'frame', suffix: 'png' },
  { id: 'overlay', picture: true, by: 'frame', suffix: 'png' },
  { id: 'csv', picture: false, by: 'all', suffix: 'csv' },
  { id: 'coco', picture: false, by: 'all', suffix: 'json' },
  { id: 'labelme', picture: true, by: 'frame', suffix: 'json' },
  { id: 'dicom-seg', picture: true, by: 'study', suffix: 'dcm', when: (item) => item.kind === 'dicom' },
  { id: 'manifest', picture: true, by: 'all', suffix: 'zip' },
];

/** Which frames: `shown`, `chosen` in the filmstrip or the table, `corrected`, or `all` that have a mask. */
export const SCOPES = ['shown', 'corrected', 'all'];

/** Frames of a scope that have a mask. @param {object} app @param {string} scope @param {object[]} [chosen] */
export function framesOf(app, scope, chosen = []) {
  const { list, selected } = app.frames;
  const having = (items) => items.filter((item) => item && (item.mask || item.saved));
  if (scope === 'shown') return having([selected]);
  if (scope === 'chosen') return having(chosen);
  if (scope === 'corrected') return having(list).filter((item) => item.edited);
  return having(list);
}

/** The frames cut into what one request covers. @param {Format} format @param {object[]} items */
export function requestsOf(format, items) {
  const fitting = items.filter((item) => format.when?.(item) ?? true);
  if (format.by === 'frame') return fitting.map((item) => [item]);
  if (format.by === 'all') return fitting.length ? [fitting] : [];
  const files = new Map();
  for (const item of fitting) files.set(item.fileId, [...(files.get(item.fileId) ?? []), item]);
  return [...files.values()];
}
