/** What this browser keeps: seen, switched off, deleted. */

import { button, toggle } from '../controls.js';
import { openDialog } from '../dialog.js';
import { fill, h } from '../dom.js';
import { currentLanguage, onLanguage, t } from '../i18n.js';
import { registerPanel } from '../panels/registry.js';
import { EXPIRY_DAYS } from './sessions.js';

/** @param {object} app */
export function installStoragePanel(app) {
  registerPanel({ id: 'storage', textKey: 'edit.panel.storage', order: 90, tab: 'all', build: (host) => build(host, app) });
}

function build(host, app) {
  const { autosave } = app;
  const state = h('p', { class: 'storage-state', role: 'status' });
  const keep = toggle({ textKey: 'edit.storage.keep', value: autosave.keeps, change: (value) => (value ? autosave.setKeeps(true) : confirmNothing(app, keep)) });
  const earlier = h('div', { class: 'storage-earlier' });
  const afresh = button({ textKey: 'edit.storage.afresh', icon: 'plus', class: 'is-small', run: () => autosave.startAfresh() });
  const purge = button({ textKey: 'edit.storage.purge', icon: 'trash', class: 'is-small is-danger', run: () => confirmPurge(app) });
  host.append(
    state,
    h('p', { class: 'hint', t: 'edit.storage.where', vars: { n: EXPIRY_DAYS } }),
    keep.element,
    earlier,
    h('div', { class: 'storage-commands' }, afresh, purge),
  );
  const refresh = () => {
    state.textContent = stateText(app.store.get().autosave);
    afresh.disabled = !app.frames.list.length;
    keep.set(autosave.keeps);
  };
  let asked = 0;
  const list = async () => {
    const number = ++asked;
    const found = await entries(app, list);
    if (number === asked) fill(earlier, ...found); // an earlier question may be answered later
  };
  let session = null;
  app.store.on('autosave', ({ autosave: now }) => {
    refresh();
    if (now.session !== session) list();
    session = now.session;
  });
  app.frames.on('list', refresh);
  onLanguage(() => (refresh(), list()));
  refresh();
  list();
}

function stateText({ state, at, reason }) {
  if (state === 'off') return t(`edit.autosave.off-${reason}`);
  if (state === 'failed') return t(`edit.autosave.failed-${reason}`);
  return at ? t('edit.autosave.saved', { time: timeText(at, { hour: '2-digit', minute: '2-digit', second: '2-digit' }) }) : t('edit.autosave.ready');
}

/** A time of today, or with its date. @param {number} at ms since 1970 */
export function timeText(at, options = { hour: '2-digit', minute: '2-digit' }) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(currentLanguage(), today ? options : { ...options, day: 'numeric', month: 'long' }).format(date);
}

async function entries(app, again) {
  const sessions = await app.autosave.earlier();
  if (!sessions.length) return [];
  return [h('h3', { class: 'caption', t: 'edit.storage.earlier' }), ...sessions.map((session) => entry(app, session, again))];
}

function entry(app, { id, updated, order }, again) {
  const vars = { time: timeText(updated), n: order.length };
  const open = async () => {
    if (!(await app.autosave.open(id))) app.messages.say('edit.storage.elsewhere');
    again();
  };
  const discard = async () => {
    if (!(await app.autosave.discard(id))) app.messages.say('edit.storage.elsewhere');
    again();
  };
  return h(
    'div',
    { class: 'row storage-entry' },
    h('span', { class: 'grow', t: 'edit.storage.entry', vars }),
    button({ textKey: 'edit.storage.open', class: 'is-small', run: open }),
    button({ titleKey: 'edit.storage.discard', icon: 'trash', class: 'is-small', vars, run: discard }),
  );
}

function confirmPurge(app) {
  openDialog({
    titleKey: 'edit.purge.title',
    body: h('div', {}, h('p', { t: 'edit.purge.text' }), h('p', { class: 'hint', t: 'edit.purge.note' })),
    actions: [
      { textKey: 'edit.purge.cancel', run: () => undefined },
      { textKey: 'edit.storage.purge', danger: true, run: () => void purge(app) },
    ],
  });
}

async function purge(app) {
  await app.autosave.purge();
  app.messages.say('edit.purge.done', {}, { kind: 'success' });
}

function confirmNothing(app, keep) {
  let chosen = false;
  openDialog({
    titleKey: 'edit.nothing.title',
    body: h('p', { t: 'edit.nothing.text' }),
    onClose: () => keep.set(!chosen),
    actions: [
      { textKey: 'edit.purge.cancel', run: () => undefined },
      { textKey: 'edit.nothing.confirm', danger: true, run: () => ((chosen = true), void app.autosave.setKeeps(false)) },
    ],
  });
}
