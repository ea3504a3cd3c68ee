/** How long a frame was worked on: the time between one deed and the next, pauses left out. */

const PAUSE_MS = 20_000;
const TOLD_EVERY_MS = 1000;
const DEEDS = ['pointerdown', 'pointermove', 'wheel', 'keydown'];

/** @param {object} app */
export function watchActivity(app) {
  let last = null;
  let told = 0;
  const stop = () => (last = null);
  const note = (event) => {
    const item = app.frames.selected;
    const now = event.timeStamp;
    if (item && last !== null && now - last < PAUSE_MS) item.seconds += (now - last) / 1000;
    last = item ? now : null;
    if (item && now - told > TOLD_EVERY_MS) {
      told = now;
      app.frames.changed(item, 'seconds');
    }
  };
  for (const name of DEEDS) document.addEventListener(name, note, { passive: true, capture: true });
  app.frames.on('select', stop);
  document.addEventListener('visibilitychange', stop);
}
