/** The bar at the top: what this is, the model, that it is for research, language, theme, help. */

import { logOut } from './api.js';
import { button, commandButton } from './controls.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { register } from './keyboard.js';
import { buildModelChooser } from './panels/model.js';
import { askAndLeave } from './storage/leaving.js';

const THEMES = ['auto', 'light', 'dark'];
const THEME_ICONS = { auto: 'auto', light: 'sun', dark: 'moon' };

/** @param {HTMLElement} host @param {object} app */
export function buildTopbar(host, app) {
  installSettings(app);
  const brand = h('h1', { class: 'brand', translate: 'no' }, mark(), 'trus');
  app.slots.top = h('div', { class: 'top-slot' });
  host.append(
    brand,
    commandButton('file.open', { text: true, class: 'is-quiet' }),
    commandButton('file.open-folder'),
    h('span', { class: 'bar-line' }),
    buildModelChooser(app),
    h('span', { class: 'grow' }),
    h('span', { class: 'research', tTitle: 'shell.research-help' }, icon('info', 16), h('span', { t: 'shell.research' })),
    h('span', { class: 'grow' }),
    app.slots.top,
    commandButton('export.open', { text: true }),
    h('span', { class: 'bar-line' }),
    languageButton(app),
    commandButton('page.theme', { icon: () => THEME_ICONS[app.store.get().theme] }),
    commandButton('page.help'),
    logOutButton(app),
  );
}

function mark() {
  const svg = icon('layers', 22);
  svg.classList.add('brand-mark');
  return svg;
}

function languageButton(app) {
  const other = () => (app.store.get().language === 'en' ? 'ru' : 'en');
  const element = button({ titleKey: 'shell.language', run: () => app.store.set({ language: other() }), class: 'language' });
  const show = () => {
    element.replaceChildren(...['en', 'ru'].map((code) =>
      h('span', { class: app.store.get().language === code ? 'is-on' : '', 'aria-hidden': 'true' }, code.toUpperCase())));
  };
  app.store.on('language', show);
  show();
  return element;
}

/** On a clinic's server: ends the session there. */
function logOutButton(app) {
  const leave = () => logOut().then(() => location.reload(), app.tell);
  const element = button({ titleKey: 'shell.logout', icon: 'leave', run: () => askAndLeave(app, leave) });
  const show = ({ session }) => (element.hidden = session?.local !== false);
  app.store.on('session', show);
  show(app.store.get());
  return element;
}

function installSettings(app) {
  const { store } = app;
  register({
    id: 'page.theme', textKey: 'shell.theme', icon: 'sun', group: 'page', keys: ['alt+t'],
    run: () => store.set({ theme: THEMES[(THEMES.indexOf(store.get().theme) + 1) % THEMES.length] }),
  });
  register({
    id: 'page.language', textKey: 'shell.language', group: 'page', keys: ['alt+l'],
    run: () => store.set({ language: store.get().language === 'en' ? 'ru' : 'en' }),
  });
}
