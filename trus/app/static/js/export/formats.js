/** What can be exported, of which frames, and how it is cut into requests. */

const A_GROUP = 12;

/**
 * @typedef {object} Format
 * @property {string} id the last part of the service's address
 * @property {boolean} picture whether the service needs the frames' pictures
 * @property {'group'|'file'|'all'} by what one request covers: some frames, those of a file, or all
 * @property {object} [options] of the request
 * @property {(item: object) => boolean} [when] frames that it can be made of
 * @property {boolean} [training] data for the next training
 */

/** @type {Format[]} */
export const FORMATS = [
  { id: 'mask', picture: false, by: 'group' },
  { id: 'overlay', picture: true, by: 'group' },
  { id: 'csv', picture: false, by: 'all' },
  { id: 'coco', picture: false, by: 'all', options: { pictures: false } },
  { id: 'labelme', picture: true, by: 'group', options: { pictures: true, geometry: 'polygon' } },
  { id: 'dicom-seg', picture: true, by: 'file', when: (item) => item.kind === 'dicom' },
  { id: 'manifest', picture: true, by: 'all', training: true },
];

/** The training manifest written into the save folder of this computer: frame by frame onto what is there. */
export const INTO_FOLDER = { id: 'manifest', picture: true, by: 'group', options: { folder: true } };

export const SCOPES = ['shown', 'file', 'corrected', 'all', 'chosen'];

/**
 * Frames of a scope that have a mask.
 *
 * @param {object} app
 * @param {string} scope
 * @param {object[]|null} [chosen] those that the table shows
 * @returns {object[]}
 */
export function framesOf({ frames }, scope, chosen = null) {
  const { list, selected } = frames;
  const scopes = {
    shown: () => [selected].filter(Boolean),
    file: () => (selected ? frames.ofFile(selected.fileId) : []),
    corrected: () => list.filter((item) => item.edited),
    all: () => list,
    chosen: () => (chosen ?? []).filter((item) => frames.get(item.id)),
  };
  return scopes[scope]().filter((item) => item.mask);
}

/** The frames cut into what one request covers. @param {Format} format @param {object[]} items */
export function groupsOf(format, items) {
  const fitting = items.filter((item) => format.when?.(item) ?? true);
  if (!fitting.length) return [];
  if (format.by === 'all') return [fitting];
  if (format.by === 'file') return [...Map.groupBy(fitting, (item) => item.fileId).values()];
  return Array.from({ length: Math.ceil(fitting.length / A_GROUP) }, (_, i) => fitting.slice(i * A_GROUP, (i + 1) * A_GROUP));
}

/**
 * Names of the frames' files, no two files alike once the service has made them safe: what is made in several requests
 * can lie in one archive.
 *
 * @param {import('../files/files.js').Files} files
 * @param {object[]} items
 * @returns {Map<string, string>} by file
 */
export function fileNames(files, items) {
  const taken = new Set();
  const names = new Map();
  for (const { fileId } of items) {
    if (names.has(fileId)) continue;
    const { name } = files.get(fileId);
    let unique = name;
    for (let n = 2; taken.has(plain(unique)); n++) unique = name.replace(/(\.[^.]*)?$/, `-${n}$1`);
    taken.add(plain(unique));
    names.set(fileId, unique);
  }
  return names;
}

function plain(name) {
  return name.replace(/\.[^.]*$/, '').replace(/[^\p{L}\p{N}_.-]+/gu, '_').toLowerCase();
}
