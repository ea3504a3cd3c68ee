/** Sessions: the work of one tab, from its first frame until it is left. */

import { claim, isClaimed } from './claims.js';
import { deleteSession, readAll, write } from './database.js';
import { newId } from '../ids.js';

export const EXPIRY_DAYS = 14;
const KEY = 'trus.session';
const DAY_MS = 24 * 3600 * 1000;

/**
 * @typedef {object} Session
 * @property {string} id
 * @property {number} started ms since 1970
 * @property {number} updated
 * @property {string[]} order ids of the frames in the list
 * @property {string|null} selected
 * @property {number} position how many of the actions are done
 * @property {Record<string, object>} windows by file, as in the store
 * @property {string|null} activeClass
 * @property {boolean} left the user began afresh: it is not taken up by itself
 */

/** @returns {Session} */
export function newSession() {
  const now = Date.now();
  return { id: newId(), started: now, updated: now, order: [], selected: null, position: 0, windows: {}, activeClass: null, left: false };
}

/** The session that this tab had before it was loaded again. */
const ownId = () => sessionStorage.getItem(KEY);

/** @param {string|null} id */
export function setOwnId(id) {
  if (id) sessionStorage.setItem(KEY, id);
  else sessionStorage.removeItem(KEY);
}

/** All sessions with frames, the latest first; what is older than 14 days or empty is deleted. @returns {Promise<Session[]>} */
export async function currentSessions(database) {
  const all = await readAll(database, 'sessions');
  const worth = (session) => session.order.length > 0 && session.updated > Date.now() - EXPIRY_DAYS * DAY_MS;
  const done = await unclaimed(all.filter((session) => !worth(session)));
  if (done.length) await write(database, (stores) => done.forEach((id) => deleteSession(stores, id)));
  return all.filter(worth).sort((a, b) => b.updated - a.updated);
}

/** Those that no tab has open. @param {Session[]} sessions @returns {Promise<string[]>} ids */
export async function unclaimed(sessions) {
  const free = [];
  for (const { id } of sessions) if (!(await isClaimed(id))) free.push(id);
  return free;
}

/**
 * The session that a tab takes up when it opens: its own, else the latest one that no other tab has and that was not
 * left on purpose.
 * @param {Session[]} sessions @returns {Promise<{session: Session, release: () => void}|null>}
 */
export async function takeUp(sessions) {
  const own = sessions.find((session) => session.id === ownId());
  const others = sessions.filter((session) => session !== own && !session.left);
  for (const session of own ? [own, ...others] : others) {
    const release = await claim(session.id);
    if (release) return { session, release };
  }
  return null;
}
