// Clocks of the page, in milliseconds of performance.now(). Evaluated by app_load/browser.py.
(() => {
  /** When the next picture has been painted: a message that is posted from a frame's callback comes after its paint. */
  const painted = () =>
    new Promise((resolve) =>
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(performance.now());
        port2.postMessage(null);
      }),
    );

  /** Resolves with the time of the first paint after `test()` is true; looked at once a frame. */
  const paintedOnce = async (test) => {
    while (!test()) await new Promise((resolve) => requestAnimationFrame(resolve));
    return painted();
  };

  /**
   * From now on, notes of every event of `type` on the window: `wait` (from the event's own time to our turn), `handlers`,
   * `frame` (callbacks and painting of the picture that shows it, on the page's thread), `shown` (from the event to
   * after that paint). Several events within one picture share its `frame`.
   */
  const follow = (type) => {
    const notes = [];
    let begun = 0;
    window.addEventListener(
      type,
      (event) => {
        begun = performance.now();
        const note = { wait: begun - event.timeStamp, handlers: 0, frame: 0, shown: 0 };
        notes.push(note);
        requestAnimationFrame(() => {
          const start = performance.now();
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            note.frame = performance.now() - start;
            note.shown = performance.now() - event.timeStamp;
          };
          port2.postMessage(null);
        });
      },
      { capture: true },
    );
    window.addEventListener(type, () => { notes.at(-1).handlers = performance.now() - begun; });
    return notes;
  };

  window.clocks = { painted, paintedOnce, follow };
})();
