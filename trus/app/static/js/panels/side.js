/** The right side: two tabs of sections. */

import { h } from '../dom.js';
import { register } from '../keyboard.js';
import { TABS, buildPanels } from './registry.js';

/** @param {HTMLElement} host @param {object} app */
export function buildSide(host, app) {
  const tabs = TABS.map((tab) => {
    const body = h('div', { class: 'side-body', role: 'tabpanel', id: `side-${tab}`, 'aria-labelledby': `tab-${tab}`, tabindex: 0 });
    const head = h('button', { type: 'button', class: 'side-tab', role: 'tab', id: `tab-${tab}`, 'aria-controls': body.id, t: `shell.tab-${tab}` });
    head.addEventListener('click', () => app.store.set({ tab }));
    buildPanels(body, app, tab);
    register({ id: `page.tab-${tab}`, textKey: `shell.tab-${tab}`, group: 'page', keys: [`alt+${TABS.indexOf(tab) + 1}`], run: () => app.store.set({ tab }) });
    return { tab, head, body };
  });
  const list = h('div', { class: 'side-tabs', role: 'tablist', tLabel: 'shell.side' }, ...tabs.map((each) => each.head));
  list.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    const other = TABS.find((tab) => tab !== app.store.get().tab);
    app.store.set({ tab: other });
    tabs.find((each) => each.tab === other).head.focus();
  });
  host.append(list, ...tabs.map((each) => each.body));
  const show = ({ tab: chosen }) => {
    for (const { tab, head, body } of tabs) {
      head.setAttribute('aria-selected', String(tab === chosen));
      head.tabIndex = tab === chosen ? 0 : -1;
      body.hidden = tab !== chosen;
    }
  };
  app.store.on('tab', show);
  show(app.store.get());
}
