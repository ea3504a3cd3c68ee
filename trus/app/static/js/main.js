/** Puts the page together and starts it. */

import * as api from './api.js';
import { createApp } from './app.js';
import { loadTexts, onLanguage, preferredLanguage, setLanguage } from './i18n.js';
import { listen } from './keyboard.js';
import { buildPage } from './page.js';
import { takeUpWork } from './edit/install.js';
import { installParts } from './parts.js';
import { applyTheme, keepPreferences, readPreferences } from './preferences.js';
import { currentTool } from './tools/registry.js';

async function start() {
  await loadTexts();
  const kept = readPreferences();
  const app = createApp({ language: preferredLanguage(), ...kept });
  const { store } = app;
  setLanguage(store.get().language);
  store.on('language', ({ language }) => setLanguage(language));
  keepPreferences(store);
  applyTheme(store);
  installParts(app);
  buildPage(app);
  listen((event) => currentTool()?.onKey?.(event) ?? false, () => store.get().characterKeys);
  document.getElementById('app').hidden = false;
  window.trusApp = { app, store, history: app.history, view: app.view, get items() { return app.frames.list; } };
  window.addEventListener('pagehide', () => app.leave());
  window.addEventListener('unhandledrejection', () => app.say('problems.fault', {}, { kind: 'error' }));
  window.addEventListener('error', () => app.say('problems.fault', {}, { kind: 'error' }));
  onLanguage(() => app.view.invalidateAll());
  await app.connection.ask();
  await takeUpWork(app);
  app.view.invalidateAll();
  document.documentElement.dataset.ready = 'true';
}

start().catch((error) => {
  document.getElementById('app').hidden = true;
  document.getElementById('live').classList.remove('visually-hidden');
  document.getElementById('live').textContent = `trus: ${error instanceof api.Problem ? error.message : error}`;
  throw error;
});
