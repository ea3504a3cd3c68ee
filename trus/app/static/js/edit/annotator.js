/** Who corrects: asked once, kept in this browser, written into what is exported. */

const KEY = 'trus.annotator';

/** @param {object} app @returns {string} empty where it was never told */
export const currentAnnotator = (app) => app.store.get().annotator ?? '';

/** @param {object} app @param {string} name */
export function setAnnotator(app, name) {
  const annotator = name.trim();
  app.store.set({ annotator });
  if (annotator && app.autosave?.keeps !== false) localStorage.setItem(KEY, annotator);
  else localStorage.removeItem(KEY);
  for (const item of app.frames.list) {
    if (item.edited && !item.annotator) {
      item.annotator = annotator;
      app.frames.changed(item, 'annotator');
    }
  }
}

/** The name kept from an earlier visit. @param {object} app */
export function recallAnnotator(app) {
  app.store.set({ annotator: localStorage.getItem(KEY) ?? '' });
}

/** Forgets it. @param {object} app */
export function forgetAnnotator(app) {
  localStorage.removeItem(KEY);
  app.store.set({ annotator: '' });
}
