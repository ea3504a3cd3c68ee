/** Exporting: asking the service group by group, and putting together what comes. */

import { Problem, request } from '../api.js';
import { unlessAborted } from '../files/files.js';
import { fileNames, groupsOf } from './formats.js';
import { exportFrame } from './request.js';
import { unzip } from './unzip.js';
import { uniqueNames, zip } from './zip.js';

/** Frames of one archive that the service makes of pictures: it must hold all their files at once. */
const MOST_AT_ONCE = 200;

/**
 * @typedef {object} About
 * @property {string} annotator
 * @property {string} patientId
 * @property {boolean} acceptText
 */

/**
 * Makes one file of all formats together.
 *
 * @param {object} app
 * @param {import('./formats.js').Format[]} formats
 * @param {object[]} items frames with masks
 * @param {About} about
 * @param {{signal: AbortSignal, progress: (format: string, done: number, total: number) => void}} going
 * @returns {Promise<{name: string, blob: Blob}|null>} null where no frame fits
 */
export async function exportFiles(app, formats, items, about, going) {
  const made = [];
  for (const format of formats) {
    const files = await exportFormat(app, format, items, about, going);
    made.push({ format, files });
  }
  const all = made.flatMap(({ format, files }) => files.map((file) => ({ ...file, folder: format.id })));
  if (!all.length) return null;
  if (all.length === 1) return { name: all[0].name, blob: all[0].blob };
  return { name: archiveName(formats, new Date()), blob: await together(all, formats.length > 1) };
}

/** The frames into the training folder of this computer; what was written stays when a later group fails. */
export async function exportIntoFolder(app, format, items, about, going) {
  let written = null;
  for await (const answer of answers(app, format, items, about, going)) {
    const told = await answer.json();
    written = written ? added(written, told) : told;
  }
  return written;
}

function added(before, told) {
  const sum = (key) => before[key] + told[key];
  const both = (key) => [...before[key], ...told[key]];
  const counts = { frames: sum('frames'), new: sum('new'), replaced: sum('replaced'), unchanged: sum('unchanged') };
  return { ...told, ...counts, kept: both('kept'), refused: both('refused') };
}

async function exportFormat(app, format, items, about, going) {
  const files = [];
  for await (const answer of answers(app, format, items, about, going)) {
    files.push({ name: nameOf(answer), blob: await answer.blob() });
  }
  return files;
}

async function* answers(app, format, items, about, { signal, progress }) {
  const groups = groupsOf(format, items);
  const total = groups.flat().length;
  if (format.by === 'all' && format.picture && total > MOST_AT_ONCE) throw new Problem(0, 'export-too-many', String(MOST_AT_ONCE));
  const names = fileNames(app.files, items);
  let done = 0;
  for (const group of groups) {
    progress(format.id, done, total);
    const answer = await ask(app, format, group, { ...about, names }, signal);
    done += group.length;
    yield answer;
  }
  progress(format.id, total, total);
}

/** One request. A service that was started again has lost the files: they are sent once more. */
async function ask(app, format, group, about, signal) {
  const files = [...new Set(group.filter((item) => format.picture || item.regions.length).map((item) => item.fileId))];
  for (let attempt = 0; ; attempt++) {
    const studies = new Map();
    for (const id of files) studies.set(id, (await unlessAborted(app.files.study(id), signal)).id);
    try {
      return await send(app, format, group, studies, about, signal);
    } catch (problem) {
      if (problem.kind !== 'no-such-study' || attempt === 2) throw problem;
      files.forEach((id) => app.files.forget(id, studies.get(id)));
    }
  }
}

function send(app, format, group, studies, { names, acceptText, ...about }, signal) {
  const find = (id) => app.frames.get(id);
  const frames = group.map((item) => ({
    ...exportFrame(item, studies.get(item.fileId) ?? null, { ...about, find }),
    name: names.get(item.fileId),
  }));
  const options = { ...format.options, ...(format.id === 'manifest' ? { accept_text: acceptText } : {}) };
  const headers = { 'Content-Type': 'application/json' };
  return request(`/exports/${format.id}`, { method: 'POST', headers, body: JSON.stringify({ frames, options }), signal });
}

/** The file name of an answer (RFC 6266). */
function nameOf(answer) {
  const header = answer.headers.get('Content-Disposition') ?? '';
  const encoded = header.match(/filename\*=UTF-8''([^;]+)/)?.[1];
  return encoded ? decodeURIComponent(encoded) : header.match(/filename="([^"]+)"/)?.[1] ?? 'trus-export';
}

/** All files in one archive, archives opened; each kind in a folder of its own where there are several. */
async function together(files, folders) {
  const entries = [];
  for (const { name, blob, folder } of files) {
    const inside = name.endsWith('.zip') ? await unzip(blob) : [{ name, bytes: new Uint8Array(await blob.arrayBuffer()) }];
    for (const entry of inside) entries.push({ ...entry, name: folders ? `${folder}/${entry.name}` : entry.name });
  }
  const names = uniqueNames(entries.map((entry) => entry.name));
  return zip(entries.map((entry, i) => ({ ...entry, name: names[i] })).filter(isFirst), new Date());
}

/** Every group brings its own classes.json; they are the same. */
function isFirst({ name }) {
  return !/(^|\/)classes-\d+\.json$/.test(name);
}

function archiveName(formats, now) {
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
  return `trus-${formats.length > 1 ? 'export' : formats[0].id}-${day}.zip`;
}
