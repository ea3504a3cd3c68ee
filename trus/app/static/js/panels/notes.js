/** What the user should know of the shown frame's result: notes, and warnings where it is unlike the training data. */

import { button } from '../controls.js';
import { fill, h } from '../dom.js';
import { number, onLanguage, t } from '../i18n.js';
import { icon } from '../icons.js';
import { noteText, warningText } from '../notes.js';
import { registerPanel } from './registry.js';

/** @param {object} app */
export function installNotes(app) {
  registerPanel({ id: 'notes', textKey: 'viewer.panel.notes', order: 60, tab: 'frame', build: (host) => buildNotes(host, app) });
}

function buildNotes(host, app) {
  const show = () => {
    const { result, item } = app.view;
    const notes = [
      ...(result?.warnings ?? []).map((warning) => line('warning', warningText(warning))),
      ...(result?.notes ?? []).map((note) => line('info', noteText(note))),
      ...(item?.spacingNote ? [line('ruler', noteText(item.spacingNote))] : []),
      ...(result && app.models.get(result.model)?.appearance_known === false ? [line('info', t('viewer.appearance-unknown'))] : []),
      ...(result?.timings ? [line('info', timing(result))] : []),
    ];
    fill(host, notes.length ? h('ul', { class: 'notes' }, ...notes) : h('p', { class: 'hint', t: 'viewer.notes-none' }));
  };
  app.view.onShown(show);
  onLanguage(show);
  show();
}

function line(kind, text) {
  return h('li', { class: `is-${kind}` }, icon(kind, 16), h('span', {}, text));
}

function timing({ model, timings }) {
  const ms = number(timings.segment ?? 0, { maximumFractionDigits: 0 });
  return t('viewer.timing', { model, ms });
}

/** The banners over the picture: no connection, a frame unlike the training data, a mask of another model. */
export function buildBanner(host, app) {
  const closed = new WeakSet();
  const show = () => {
    const { result, mask } = app.view;
    const { modelName, connection } = app.store.get();
    const rows = [];
    if (connection === 'lost') rows.push(banner('error', t('shell.lost')));
    if (connection === 'entry') rows.push(banner('error', t('problems.token'), button({ textKey: 'shell.sign-in', class: 'is-small', run: () => window.open('/app/', '_blank') })));
    if (mask?.corrected && modelName && mask.model !== modelName) rows.push(otherModel(app, mask, modelName));
    if (result?.warnings?.length && !closed.has(result)) {
      const close = button({ titleKey: 'shell.close', icon: 'close', class: 'is-small', run: () => (closed.add(result), show()) });
      rows.push(banner('warning', t('viewer.unlike', { what: result.warnings.map(warningText).join('; ') }), close));
    }
    fill(host, ...rows);
  };
  app.view.onShown(show);
  app.store.on(['modelName', 'connection'], show);
  onLanguage(show);
  show();
}

function banner(kind, text, ...actions) {
  return h('div', { class: `banner is-${kind}` }, icon('warning', 18), h('p', {}, text), ...actions);
}

function otherModel(app, mask, modelName) {
  const take = button({ textKey: 'viewer.other-model-take', vars: { name: modelName }, class: 'is-small', run: () => app.replaceMask() });
  return banner('warning', t('viewer.other-model', { name: mask.model }), take);
}
