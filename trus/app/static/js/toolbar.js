/** The rail of tools on the left, and the bar over the picture. */

import { commandButton, commandTitle, refreshCommands } from './controls.js';
import { fill, h } from './dom.js';
import { onLanguage, setText, t } from './i18n.js';
import { icon } from './icons.js';
import { canRun, run } from './keyboard.js';
import { allTools, currentTool } from './tools/registry.js';

/** @param {HTMLElement} host @param {object} app */
export function buildRail(host, app) {
  const buttons = new Map();
  let group = null;
  for (const tool of allTools()) {
    const key = tool.group ?? 'edit';
    if (group && group !== key) host.append(h('hr', { class: 'rail-line' }));
    group = key;
    const button = h('button', { type: 'button', class: 'icon-button rail-button', 'data-tool': tool.id, on: { click: () => run(`tool.${tool.id}`) } }, icon(tool.icon));
    buttons.set(tool.id, button);
    host.append(button);
  }
  const show = () => {
    const { toolId } = app.store.get();
    for (const [id, button] of buttons) {
      button.setAttribute('aria-pressed', String(id === toolId));
      button.disabled = !canRun(`tool.${id}`);
      button.title = commandTitle(`tool.${id}`);
      button.setAttribute('aria-label', t(allTools().find((tool) => tool.id === id).textKey));
    }
  };
  app.store.on(['toolId', 'modelName'], show);
  app.frames.on('select', show);
  app.frames.on('item', show);
  onLanguage(show);
  show();
}

/** The options of the chosen tool; where it has none, its name. @param {HTMLElement} host @param {object} app */
export function buildToolOptions(host, app) {
  const show = () => {
    const tool = currentTool();
    const name = h('span', { class: 'tool-name' });
    if (tool) setText(name, tool.textKey);
    fill(host, name);
    tool?.buildOptions?.(host);
    app.view.host.style.cursor = tool?.cursor ?? 'default';
    refreshCommands();
  };
  app.store.on('toolId', () => (show(), app.view.invalidate()));
  app.view.addOverlay({ draw: (context, view) => currentTool()?.draw?.(context, view) });
  show();
}

/** Zoom and what is shown, at the right of the bar over the picture. */
export function buildViewButtons(host, app) {
  const pressed = (name) => () => app.store.get().display[name];
  const zoom = h('output', { class: 'zoom', tLabel: 'viewer.zoom' });
  app.slots.zoom = zoom;
  host.append(
    commandButton('view.mask', { pressed: pressed('mask'), icon: () => (app.store.get().display.mask ? 'eye' : 'eyeOff') }),
    commandButton('view.compare', { pressed: () => Boolean(app.store.get().secondModel) }),
    h('span', { class: 'bar-line' }),
    commandButton('view.zoom-out'),
    zoom,
    commandButton('view.zoom-in'),
    commandButton('view.fit'),
    commandButton('view.actual'),
  );
  app.store.on(['display', 'secondModel'], refreshCommands);
}
