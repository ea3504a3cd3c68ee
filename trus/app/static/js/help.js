/** The sheet of keys, made from the commands themselves; and what the application is. */

import { keyText, toggle } from './controls.js';
import { openDialog } from './dialog.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { allCommands, register } from './keyboard.js';

const GROUPS = ['file', 'frames', 'view', 'edit', 'measure', 'batch', 'export', 'page'];
const POINTER = ['wheel', 'drag-space', 'pinch', 'size', 'right', 'cross', 'press'];

/** @param {object} app */
export function installHelp(app) {
  register({ id: 'page.help', textKey: 'shell.help', keys: ['shift+/', 'f1'], icon: 'keyboard', group: 'page', run: () => openHelp(app) });
}

function openHelp(app) {
  const commands = allCommands().filter((command) => command.keys?.length);
  const groups = GROUPS.map((group) => [group, commands.filter((command) => (command.group ?? 'page') === group)]);
  const columns = groups.filter(([, list]) => list.length).map(([group, list]) => groupOf(group, list.map(commandRow)));
  columns.push(groupOf('pointer', POINTER.map((name) => row(`shell.pointer-${name}`, [t(`shell.pointer-${name}-how`)]))));
  const { session } = app.store.get();
  const about = h('p', { class: 'hint' }, `trus ${session?.version ?? ''}. ${t('shell.statement')}`);
  const characters = toggle({
    textKey: 'shell.character-keys',
    value: app.store.get().characterKeys,
    change: (characterKeys) => app.store.set({ characterKeys }),
  });
  const body = h('div', {}, h('div', { class: 'help-columns' }, ...columns), characters.element, about);
  openDialog({ titleKey: 'shell.help', body, wide: true });
}

const groupOf = (group, rows) => h('section', { class: 'help-group' }, h('h3', { t: `shell.group-${group}` }), ...rows);
const commandRow = (command) => row(command.textKey, command.keys.map(keyText));

function row(textKey, keys) {
  return h('div', { class: 'help-row' }, h('span', { t: textKey }), h('span', { class: 'help-keys' }, ...keys.map((key) => h('kbd', {}, key))));
}
