/** The objects that the parts of the page share. */

import { isAbort, leave } from './api.js';
import { commandButton } from './controls.js';
import { Files } from './files/files.js';
import { Opening } from './files/opening.js';
import { Frames } from './frames.js';
import { History } from './history.js';
import { icon } from './icons.js';
import { Mask } from './mask/mask.js';
import { createMessages } from './messages.js';
import { Models, watchConnection } from './models.js';
import { Results } from './results.js';
import { createStore } from './store.js';
import { currentTool, useStore } from './tools/registry.js';
import { Colours } from './viewer/colours.js';
import { DISPLAY, createWindowing, lookOf } from './viewer/display.js';
import { Gestures } from './viewer/gestures.js';
import { Pictures } from './viewer/pictures.js';
import { Showing } from './viewer/showing.js';
import { View } from './viewer/view.js';

const INITIAL = {
  session: null,
  connection: 'ok',
  modelName: null,
  secondModel: null,
  loadingModel: null,
  opening: null,
  toolId: 'pan',
  source: 'raw',
  display: DISPLAY,
  hidden: {},
  colours: {},
  windows: {},
  closedPanels: {},
  tab: 'frame',
  playing: false,
  speed: 10,
  loop: true,
  language: 'en',
  theme: 'auto',
  welcomed: false,
  characterKeys: true,
};

/** @param {object} kept what is set from the beginning */
export function createApp(kept) {
  const store = createStore({ ...INITIAL, ...kept, display: { ...DISPLAY, ...kept.display, heat: null } });
  useStore(store);
  const app = { store, icon, slots: {} };
  app.frames = new Frames();
  app.history = new History((item) => app.frames.select(item.id));
  app.colours = new Colours(store);
  app.files = new Files();
  app.pictures = new Pictures(app.files);
  app.frames.on('gone', (items) => restFiles(app, items));
  app.frames.on('list', () => app.pictures.dropGone((id) => app.frames.get(id) !== undefined));
  app.results = new Results(app);
  app.models = new Models(app);
  app.opening = new Opening(app);
  app.messages = createMessages(document.getElementById('messages'), document.getElementById('live'));
  app.connection = watchConnection(app);
  app.say = app.messages.say;
  app.tell = (problem, options) => isAbort(problem) || app.connection.notice(problem) || app.messages.tell(problem, options);
  app.view = new View(document.getElementById('view'), lookOf(app));
  app.gestures = new Gestures(app.view, currentTool);
  app.windowing = createWindowing(app);
  app.showing = new Showing(app);
  app.button = (id) => commandButton(id, { text: true });
  app.leave = () => app.files.leave(leave);
  app.replaceMask = () => replaceMask(app);
  return app;
}

/** The chosen model's mask in the place of a corrected one of another model; it can be undone. */
async function replaceMask(app) {
  const item = app.frames.selected;
  const before = item.mask;
  try {
    const result = await app.results.get(item, app.store.get().modelName, { urgent: true });
    const put = (mask) => {
      item.mask = mask;
      item.edited = mask.corrected;
      app.frames.changed(item, 'mask');
    };
    const after = Mask.fromResult(result);
    app.history.run({ item, textKey: 'viewer.history.model', do: () => put(after), undo: () => put(before) });
  } catch (problem) {
    app.tell(problem);
  }
}

/** Files of which no frame is left. */
function restFiles({ frames, files }, items) {
  const left = new Set(frames.list.map((item) => item.fileId));
  for (const id of new Set(items.map((item) => item.fileId))) if (!left.has(id)) files.rest(id);
}
