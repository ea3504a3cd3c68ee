/** What the user should know of the shown frame's result: notes, and warnings where it is unlike the training data. */

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

/** The banner over the picture: a frame unlike the training data, and a mask that is of another model. */
export function buildBanner(host, app) {
  const show = () => {
    const { result, mask } = app.view;
    const { modelName, connection } = app.store.get();
    const rows = [];
    if (connection !== 'ok') rows.push(banner('error', t(connection === 'entry' ? 'problems.token' : 'shell.lost')));
    if (result?.warnings?.length) rows.push(banner('warning', t('viewer.unlike', { what: result.warnings.map(warningText).join('; ') })));
    if (mask && modelName && mask.model !== modelName) rows.push(otherModel(app, mask, modelName));
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
  const take = h('button', { type: 'button', class: 'button is-small', t: 'viewer.other-model-take', vars: { name: modelName } });
  take.addEventListener('click', () => app.replaceMask());
  return banner('warning', t('viewer.other-model', { name: mask.model }), take);
}
