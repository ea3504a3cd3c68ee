/** Which deeds change what is to be kept. */

const IDLE = new Set(['picture', 'released']);

/** @param {object} app @param {(mark: (changes: import('./changes.js').Changes) => void) => void} note */
export function follow(app, note) {
  const { frames, history, store } = app;
  frames.on('list', () => note((changes) => changes.ofList()));
  frames.on('item', (item, what) => IDLE.has(what) || note((changes) => changes.ofItem(item)));
  frames.on('select', () => note((changes) => changes.ofSession()));
  store.on('activeSeconds', () => frames.selected && note((changes) => changes.ofItem(frames.selected)));
  store.on(['windows', 'activeClass'], () => note((changes) => changes.ofSession()));
  history.onChange((kind, action) => note((changes) => markAction(changes, kind, action, history.position)));
}

function markAction(changes, kind, action, position) {
  if (kind === 'push') changes.ofActions(position - 1);
  else if (kind === 'clear') changes.ofActions(0);
  else changes.ofSession();
  if (action?.item) changes.ofItem(action.item);
}
