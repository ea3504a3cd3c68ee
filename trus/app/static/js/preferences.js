/** What is remembered on this computer of how the page looks; nothing of a frame. */

const KEY = 'trus.preferences';
const KEPT = ['language', 'theme', 'welcomed', 'colours', 'display', 'closedPanels', 'speed', 'loop', 'tab', 'characterKeys'];

/** @returns {object} what was remembered, empty where nothing was or nothing may be */
export function readPreferences() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return Object.fromEntries(Object.entries(kept).filter(([name]) => KEPT.includes(name)));
  } catch {
    return {};
  }
}

/** Remembers changes from now on. @param {ReturnType<import('./store.js').createStore>} store */
export function keepPreferences(store) {
  store.on(KEPT, (state) => {
    try {
      localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(KEPT.map((name) => [name, state[name]]))));
    } catch {
      // a browser that keeps nothing: the page works, and looks as at the first time when it is opened again
    }
  });
}

/** Puts the theme on the page, and follows the computer's where that is wished. */
export function applyTheme(store) {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const show = () => {
    const { theme } = store.get();
    document.documentElement.dataset.theme = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme;
  };
  store.on('theme', show);
  dark.addEventListener('change', show);
  show();
}
