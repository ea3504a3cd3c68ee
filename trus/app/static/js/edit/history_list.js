/** The list of what was done; a click goes back, or forth, to that state. */

import { fill, h } from '../dom.js';
import { onLanguage, t } from '../i18n.js';

const SHOWN = 200;

/** @param {HTMLElement} host @param {object} app */
export function buildHistory(host, app) {
  const list = h('ol', { class: 'history-list', tLabel: 'edit.panel.history' });
  const refresh = () => host.hidden || fill(list, ...entries(app));
  host.append(list);
  app.history.onChange(refresh);
  app.store.on('closedPanels', () => queueMicrotask(refresh));
  onLanguage(refresh);
  refresh();
}

/** The latest ones, the newest above; the last entry stands for the state before all of them. */
function entries(app) {
  const { list, position } = app.history;
  const first = Math.max(0, Math.min(position, list.length) - SHOWN);
  const shown = list.slice(first, first + 2 * SHOWN).map((action, i) => entry(app, first + i + 1, wordsOf(action), position));
  return [...shown.reverse(), entry(app, first, t(first ? 'edit.history.before' : 'edit.history.start'), position)];
}

function wordsOf({ textKey, vars, item }) {
  return [t(textKey, vars), item?.name].filter(Boolean).join(' · ');
}

function entry(app, at, text, position) {
  const button = h('button', {
    type: 'button',
    class: `history-entry ${at > position ? 'is-undone' : ''}`,
    'aria-current': at === position ? 'step' : false,
    on: { click: () => app.history.goTo(at) },
  }, text);
  return h('li', {}, button);
}
