/** What the view shows of a frame, from the page's settings; and the commands that change it. */

import { register } from '../keyboard.js';

export const DISPLAY = { mask: true, fill: true, contour: true, opacity: 0.3, heat: null, rim: false, reference: true };

/** @param {object} app @returns {(view: import('./view.js').View) => object} what a view asks at each drawing */
export function lookOf(app) {
  return (view) => {
    const { display, hidden, windows } = app.store.get();
    const mask = view.mask;
    const order = mask ? mask.nesting.levels.flat() : [];
    const classes = order
      .filter((k) => !hidden[mask.targets[k].name])
      .map((k) => ({ k, hex: app.colours.of(mask.targets[k].name, k) }))
      .map((each) => ({ ...each, rgb: app.colours.rgb(each.hex) }));
    return {
      classes,
      fill: display.mask && display.fill,
      contour: display.mask && display.contour,
      opacity: display.opacity,
      heat: display.mask && mask ? heatOf(mask, app.view.mask?.targets[display.heat]?.name) : null,
      rim: display.mask && display.rim,
      reference: display.reference,
      window: view.item ? windows[view.item.fileId] ?? null : null,
    };
  };
}

/** Place of the class whose probability is shown; null where a second view's model does not know it. */
function heatOf(mask, name) {
  const k = mask.targets.findIndex((target) => target.name === name);
  return k < 0 ? null : k;
}

/** Window and level of the file that is shown. */
export function createWindowing(app) {
  return {
    get: () => app.store.get().windows[app.frames.selected?.fileId] ?? null,
    set(window) {
      const item = app.frames.selected;
      if (item) app.store.set({ windows: { ...app.store.get().windows, [item.fileId]: window } });
    },
  };
}

/** @param {object} app */
export function installDisplayCommands(app) {
  const { store, view } = app;
  const shown = () => view.picture !== null;
  const masked = () => view.mask !== null;
  const patch = (change) => store.set({ display: { ...store.get().display, ...change } });
  const flip = (name) => patch({ [name]: !store.get().display[name] });
  const command = (id, textKey, keys, run, when, icon) =>
    register({ id: `view.${id}`, textKey: `viewer.${textKey}`, keys, run, when, icon, group: 'view' });
  command('zoom-in', 'zoom-in', ['=', 'shift+='], () => view.zoom(view.scale * 1.25), shown, 'zoomIn');
  command('zoom-out', 'zoom-out', ['-'], () => view.zoom(view.scale / 1.25), shown, 'zoomOut');
  command('fit', 'fit', ['0'], () => view.fit(), shown, 'fit');
  command('actual', 'actual', ['1'], () => view.zoom(1 / (window.devicePixelRatio || 1)), shown, 'actual');
  command('mask', 'mask', ['m'], () => flip('mask'), masked, 'eye');
  command('fill', 'fill', ['f'], () => flip('fill'), masked);
  command('contour', 'contour', ['c'], () => flip('contour'), masked);
  command('heat', 'heat', ['t'], () => patch({ heat: nextHeat(store.get().display.heat, view.mask) }), masked);
  command('rim', 'rim', ['u'], () => flip('rim'), masked);
  command('source', 'source', ['r'], () => flipSource(store), () => shown() && Boolean(store.get().modelName));
  command('window-reset', 'window-reset', ['shift+w'], () => app.windowing.set(null), () => Boolean(app.windowing.get()), 'reset');
  installPanning(app);
}

const flipSource = (store) => store.set({ source: store.get().source === 'raw' ? 'preprocessed' : 'raw' });

function nextHeat(heat, mask) {
  const next = heat === null ? 0 : heat + 1;
  return next < mask.targets.length ? next : null;
}

function installPanning({ view, gestures }) {
  register({
    id: 'view.pan-hold',
    textKey: 'viewer.pan-hold',
    keys: ['space'],
    group: 'view',
    when: () => view.picture !== null,
    run: () => (gestures.panning = true),
    release: () => (gestures.panning = false),
  });
  const step = 60;
  for (const [key, dx, dy] of [['left', step, 0], ['right', -step, 0], ['up', 0, step], ['down', 0, -step]]) {
    register({
      id: `view.pan-${key}`,
      textKey: `viewer.pan-${key}`,
      keys: [`shift+arrow${key}`],
      group: 'view',
      when: () => view.picture !== null,
      run: () => view.pan(dx, dy),
    });
  }
}
