/** The sections of the right side. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { newId } from '../ids.js';

/**
 * A section. `build` is called once; what it shows it keeps up to date itself.
 *
 * @typedef {object} Panel
 * @property {string} id
 * @property {string} textKey
 * @property {number} order
 * @property {'frame'|'all'} tab
 * @property {(host: HTMLElement, app: object) => void} build
 * @property {(app: object) => HTMLElement[]} [actions] small buttons in its head
 * @property {boolean} [closed] at the first use
 */

/** @type {Panel[]} */
const panels = [];
export const TABS = ['frame', 'all'];

/** @param {Panel} panel */
export function registerPanel(panel) {
  panels.push(panel);
}

/** Builds the sections of one tab. @param {HTMLElement} host @param {object} app @param {'frame'|'all'} tab */
export function buildPanels(host, app, tab) {
  const chosen = panels.filter((panel) => panel.tab === tab).sort((a, b) => a.order - b.order);
  host.append(...chosen.map((panel) => section(panel, app)));
}

/** By then a section shows what there is to show, and has its height. */
const FILLED_MS = 200;

/** Opens a section and brings it into sight. @param {object} app @param {string} id */
export function revealPanel(app, id) {
  app.store.set({ closedPanels: { ...app.store.get().closedPanels, [id]: false } });
  setTimeout(() => document.querySelector(`[data-panel="${id}"]`)?.scrollIntoView({ block: 'nearest' }), FILLED_MS);
}

function section(panel, app) {
  const body = h('div', { class: 'panel-body', id: `panel-${newId()}` });
  const closed = () => app.store.get().closedPanels[panel.id] ?? Boolean(panel.closed);
  const head = h(
    'button',
    { type: 'button', class: 'panel-toggle', 'aria-controls': body.id, on: { click: () => set(!closed()) } },
    icon('down', 16),
    h('span', { t: panel.textKey }),
  );
  const title = h('h2', { class: 'panel-head' }, head);
  const actions = h('div', { class: 'panel-actions' }, ...(panel.actions?.(app) ?? []));
  const set = (value) => app.store.set({ closedPanels: { ...app.store.get().closedPanels, [panel.id]: value } });
  const show = () => {
    head.setAttribute('aria-expanded', String(!closed()));
    body.hidden = closed();
  };
  app.store.on('closedPanels', show);
  show();
  panel.build(body, app);
  return h('section', { class: 'panel', 'data-panel': panel.id }, h('div', { class: 'panel-bar' }, title, actions), body);
}
