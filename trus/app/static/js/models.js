/** Models: those the service serves, those found on this computer, those dropped in as a file. */

import * as api from './api.js';
import { pause } from './api.js';

const ASK_AGAIN_MS = 2000;

export class Models {
  #app;

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
  }

  /** @returns {object|undefined} */
  get(name) {
    return this.#app.store.get().session?.models.find((model) => model.name === name);
  }

  /** Takes over what the service says of itself. */
  use(session) {
    const { modelName, secondModel } = this.#app.store.get();
    const names = session.models.map((model) => model.name);
    this.#app.store.set({
      session,
      modelName: names.includes(modelName) ? modelName : session.default_model,
      secondModel: names.includes(secondModel) ? secondModel : null,
    });
  }

  choose(name) {
    this.#app.store.set({ modelName: name });
  }

  /** Loads one of those that were found. @param {{id: string, name: string}} found */
  load(found) {
    return this.#take(found.name, (signal) => api.loadFound(found.id, signal));
  }

  /** Loads a model file. @param {File} file */
  send(file) {
    if (!this.#app.store.get().session?.local) {
      this.#app.say('shell.model-not-here', {}, { kind: 'warning' });
      return Promise.resolve();
    }
    return this.#take(file.name, (signal) => api.sendModel(file, signal));
  }

  async #take(name, ask) {
    const control = new AbortController();
    this.#app.store.set({ loadingModel: { name, cancel: () => control.abort() } });
    try {
      const model = await ask(control.signal);
      this.use(await api.getSession(control.signal));
      this.choose(model.name);
      this.#app.say('shell.model-loaded', { name: model.name }, { kind: 'success' });
    } catch (problem) {
      this.#app.tell(problem);
    } finally {
      this.#app.store.set({ loadingModel: null });
    }
  }
}

/** Resolves when the user comes back to the page. */
const seen = () => new Promise((resolve) => window.addEventListener('focus', resolve, { once: true }));

/** Watches whether the service is there; while it is not, asks again and again. @param {object} app */
export function watchConnection(app) {
  let asking = false;
  async function ask() {
    if (asking) return;
    asking = true;
    for (;;) {
      try {
        app.models.use(await api.getSession());
        app.store.set({ connection: 'ok' });
        break;
      } catch (problem) {
        app.store.set({ connection: problem.status === 401 ? 'entry' : 'lost' });
        await Promise.race([pause(ASK_AGAIN_MS), seen()]);
      }
    }
    asking = false;
  }
  /** A problem that says that the service is gone. */
  const notice = (problem) => {
    const gone = problem.kind === 'unreachable' || problem.status === 401;
    if (gone) {
      app.store.set({ connection: problem.status === 401 ? 'entry' : 'lost' });
      ask();
    }
    return gone;
  };
  /** Resolves once the service answers again. @param {AbortSignal} [signal] */
  const back = (signal) =>
    new Promise((resolve, reject) => {
      if (app.store.get().connection === 'ok') resolve();
      const end = app.store.on('connection', ({ connection }) => connection === 'ok' && (end(), resolve()));
      signal?.addEventListener('abort', () => (end(), reject(signal.reason)), { once: true });
    });
  return { ask, notice, back };
}
