/** The view while there is no frame: what to do; at the first use also what this is. */

import { button, commandButton } from './controls.js';
import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { openModels } from './panels/model.js';

/** Frames of the test part of `trus phantom`: synthetic, no person's. */
const SAMPLES = ['synthetic_1.png', 'synthetic_2.png', 'synthetic_3.png'];

/** @param {HTMLElement} host @param {object} app */
export function buildWelcome(host, app) {
  const { store, frames } = app;
  const show = () => {
    const { session, modelName, opening } = store.get();
    host.hidden = frames.list.length > 0 || !session;
    if (host.hidden) return;
    fill(
      host,
      h('div', { class: 'welcome-card' },
        h('div', { class: 'welcome-drop' }, icon('layers', 40), h('h2', { class: 'welcome-title', t: opening ? 'shell.opening-first' : 'shell.drop-here' }), h('p', { class: 'hint', t: 'shell.drop-kinds' }),
          h('div', { class: 'row is-centred' }, commandButton('file.open', { text: true, class: 'is-primary' }), commandButton('file.open-folder', { text: true }))),
        modelName ? null : missingModel(app, session),
        store.get().welcomed ? null : introduction(app, session)),
    );
  };
  store.on(['session', 'modelName', 'welcomed', 'opening'], show);
  frames.on('list', show);
  show();
}

function missingModel(app, session) {
  const key = session.found.length ? 'shell.no-model-found' : session.local ? 'shell.no-model' : 'shell.no-model-served';
  const choose = session.local && button({ textKey: 'shell.model-choose', icon: 'chip', class: 'is-primary', run: () => openModels(app) });
  return h('div', { class: 'welcome-note is-warning' }, icon('warning'), h('p', { class: 'grow', t: key }), choose);
}

function introduction(app, session) {
  const lines = ['shell.intro-see', 'shell.intro-correct', 'shell.intro-export'];
  const where = session.local ? { t: 'shell.intro-local' } : { t: 'shell.intro-host', vars: { host: location.host } };
  const synthetic = session.models.some((model) => model.synthetic);
  const sample = synthetic && button({ textKey: 'shell.try-synthetic', icon: 'plus', run: () => trySynthetic(app) });
  const dismiss = button({ textKey: 'shell.intro-dismiss', run: () => app.store.set({ welcomed: true }) });
  return h(
    'div',
    { class: 'welcome-intro' },
    h('ol', {}, ...lines.map((key) => h('li', { t: key }))),
    h('p', { class: 'welcome-where' }, icon('lock', 18), h('span', where)),
    h('div', { class: 'row is-centred' }, sample, dismiss),
  );
}

async function trySynthetic(app) {
  const synthetic = app.store.get().session.models.find((model) => model.synthetic);
  app.models.choose(synthetic.name);
  const frames = await Promise.all(SAMPLES.map(fetchSample));
  await app.opening.open(frames);
}

async function fetchSample(name) {
  const answer = await fetch(`/app/samples/${name}`);
  return new File([await answer.blob()], name, { type: 'image/png' });
}
