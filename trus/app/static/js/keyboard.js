/** The commands of the application: keys, buttons and the help sheet are made from the same list. */

/**
 * @typedef {object} Command
 * @property {string} id
 * @property {string} textKey
 * @property {string[]} [keys] such as 'b', 'ctrl+shift+z', 'arrowleft', '['; letters by their place on the keyboard, so
 *   that they are the same in a Russian layout
 * @property {string} [icon]
 * @property {string} [group] of the help sheet
 * @property {() => boolean} [when] whether it can be run now
 * @property {(event?: Event) => void} run
 * @property {(event: KeyboardEvent) => void} [release] when the key goes up
 */

/** @type {Map<string, Command>} */
const commands = new Map();
const byKey = new Map();
const NAMED = { BracketLeft: '[', BracketRight: ']', Minus: '-', Equal: '=', Slash: '/', Comma: ',', Period: '.' };
const TYPED = ['checkbox', 'radio', 'range', 'color', 'file'].map((type) => `:not([type=${type}])`).join('');
const TYPING = `input${TYPED}, textarea, select, [contenteditable]`;

/** @param {Command} command */
export function register(command) {
  commands.set(command.id, command);
  for (const key of command.keys ?? []) byKey.set(key, [...(byKey.get(key) ?? []), command.id]);
}

/** Runs a command where it can be run. @returns {boolean} whether it ran */
export function run(id, event) {
  const command = commands.get(id);
  if (!command || !canRun(id)) return false;
  command.run(event);
  return true;
}

/** @param {string} id */
export const canRun = (id) => commands.get(id)?.when?.() ?? commands.has(id);

/** @param {string} id */
export const getCommand = (id) => commands.get(id);

/** @returns {Command[]} in the order of their registering */
export const allCommands = () => [...commands.values()];

/** A key press in the words of `Command.keys`. @param {KeyboardEvent} event */
export function chord(event) {
  const code = event.code;
  let key = event.key.toLowerCase();
  if (/^Key[A-Z]$/.test(code)) key = code.slice(3).toLowerCase();
  else if (/^(Digit|Numpad)\d$/.test(code)) key = code.slice(-1);
  else if (NAMED[code]) key = NAMED[code];
  else if (code === 'Space') key = 'space';
  else if (code === 'NumpadAdd') key = '=';
  else if (code === 'NumpadSubtract') key = '-';
  const parts = [(event.ctrlKey || event.metaKey) && 'ctrl', event.altKey && 'alt', event.shiftKey && 'shift', key];
  return parts.filter(Boolean).join('+');
}

/** Whether a key press types one character: speech input and slips of the hand press such keys (WCAG 2.1.4). */
const isCharacter = (key) => key.length === 1 || /^shift\+.$/.test(key);

/**
 * Lets keys run commands. Keys that a field or an open dialog needs stay theirs.
 *
 * @param {(event: KeyboardEvent) => boolean} tool the chosen tool's own keys come first
 * @param {() => boolean} characters whether keys of one character run commands
 */
export function listen(tool, characters) {
  const held = new Map();
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || isTheirs(event)) return;
    if ((isCharacter(chord(event)) && !characters()) || tool(event)) return;
    const id = (byKey.get(chord(event)) ?? []).find(canRun);
    if (!id) return;
    event.preventDefault();
    const command = commands.get(id);
    if (command.release) {
      if (held.has(event.code)) return;
      held.set(event.code, command);
    }
    command.run(event);
  });
  const up = (event) => {
    held.get(event.code)?.release(event);
    held.delete(event.code);
  };
  document.addEventListener('keyup', up);
  window.addEventListener('blur', () => [...held.keys()].forEach((code) => up({ code })));
}

function isTheirs(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.isComposing || document.querySelector('dialog[open]')) return true;
  if (target.matches(TYPING)) return true;
  const own = ['arrowleft', 'arrowright', 'arrowup', 'arrowdown', 'home', 'end', 'pageup', 'pagedown', 'space', 'enter'];
  const key = chord(event);
  if (!own.includes(key)) return false;
  if (key === 'space' || key === 'enter') return target.closest('button, a, input, summary, [role=button]') !== null;
  return target.closest('input, [role=listbox], [role=tablist], [role=menu], [role=radiogroup], [role=grid], [data-own-keys]') !== null;
}
