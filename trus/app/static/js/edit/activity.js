/** How long a frame was worked on: the time between one deed and the next, pauses left out. */

const PAUSE_MS = 20_000;
const TOLD_EVERY_MS = 1000;
const DEEDS = ['pointerdown', 'pointermove', 'wheel', 'keydown'];

/** The store's `activeSeconds` follows the frame shown, about once a second. @param {object} app */
export function watchActivity(app) {
  let last = null;
  let told = 0;
  const note = (event) => {
    const item = app.frames.selected;
    const now = event.timeStamp;
    if (item && last !== null && now - last < PAUSE_MS) item.seconds += (now - last) / 1000;
    last = item ? now : null;
    if (item && now - told > TOLD_EVERY_MS) {
      told = now;
      app.store.set({ activeSeconds: item.seconds });
    }
  };
  for (const name of DEEDS) document.addEventListener(name, note, { passive: true, capture: true });
  app.frames.on('select', (item) => {
    last = performance.now();
    app.store.set({ activeSeconds: item?.seconds ?? 0 });
  });
  document.addEventListener('visibilitychange', () => (last = null));
}
