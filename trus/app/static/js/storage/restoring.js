/** A kept session, put back into the page. */

import { keptAction } from '../edit/actions.js';
import { ofSession, readAll } from './database.js';
import { itemOf } from './records.js';

/**
 * @param {object} app @param {IDBDatabase} database @param {import('./sessions.js').Session} session
 * @returns {Promise<{items: object[], listed: object[], files: object[], lost: number, cut: boolean}>} what is in the page
 *   again; `lost`: frames whose file could not be kept; `cut`: not every action could be made again
 */
export async function restore(app, database, session) {
  const range = ofSession(session.id);
  const [files, records, actions] = await Promise.all(['files', 'items', 'actions'].map((store) => readAll(database, store, range)));
  for (const { id, name, blob } of files) app.files.adopt({ id, name, blob });
  const known = new Set(files.map((file) => file.id));
  const items = records.filter((record) => known.has(record.plain.fileId)).map(itemOf);
  const byId = new Map(items.map((item) => [item.id, item]));
  const listed = session.order.map((id) => byId.get(id)).filter(Boolean);
  app.store.set({ windows: session.windows, activeClass: session.activeClass });
  app.frames.add(listed);
  if (byId.has(session.selected)) app.frames.select(session.selected);
  const cut = restoreHistory(app, actions, session.position, byId);
  app.batch.takeUp(listed);
  return { items, listed, files, lost: session.order.length - listed.length, cut };
}

/** Actions that cannot be made again end what can be undone, or done again. */
function restoreHistory(app, records, position, byId) {
  const made = records
    .sort((a, b) => a.number - b.number)
    .map(({ kept }) => kept && keptAction(app, kept, (id) => byId.get(id)));
  const first = made.slice(0, position).lastIndexOf(null) + 1;
  const gap = made.indexOf(null, position);
  const list = made.slice(first, gap < 0 ? made.length : gap);
  app.history.restore(list, Math.min(position - first, list.length));
  return list.length < records.length;
}
