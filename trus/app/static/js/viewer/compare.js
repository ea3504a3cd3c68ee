/** Two models side by side: a second view that looks where the first one looks. */

import { isAbort } from '../api.js';
import { fill, h } from '../dom.js';
import { onLanguage, t } from '../i18n.js';
import { register } from '../keyboard.js';
import { Mask } from '../mask/mask.js';
import { registerPanel } from '../panels/registry.js';
import { lookOf } from './display.js';
import { Gestures } from './gestures.js';
import { agreement, agreementTable } from './reference.js';
import { View } from './view.js';

/** @param {object} app */
export function installCompare(app) {
  const compare = new Compare(app);
  const { store } = app;
  const others = () => (store.get().session?.models ?? []).filter((model) => model.name !== store.get().modelName);
  register({
    id: 'view.compare',
    textKey: 'viewer.compare',
    keys: ['alt+c'],
    icon: 'compare',
    group: 'view',
    when: () => Boolean(store.get().secondModel) || others().length > 0,
    run: () => {
      const { secondModel, closedPanels } = store.get();
      store.set({ secondModel: secondModel ? null : others()[0].name, closedPanels: { ...closedPanels, compare: Boolean(secondModel) } });
    },
  });
  registerPanel({ id: 'compare', textKey: 'viewer.panel.compare', order: 55, tab: 'frame', closed: true, build: (host) => compare.buildPanel(host) });
}

class Compare {
  #app;
  #view = null;
  #first = h('div', { class: 'view-label', translate: 'no' });
  #second = h('div', { class: 'view-label', translate: 'no' });
  #control = new AbortController();
  #refresh = () => undefined;

  constructor(app) {
    this.#app = app;
    app.store.on(['secondModel', 'modelName', 'colours'], () => this.#arrange());
    app.store.on(['display', 'colours', 'windows', 'hidden'], () => this.#view?.invalidateAll());
    app.view.onShown(() => this.#show());
    app.view.onMove(() => this.#view?.follow(app.view.transform));
  }

  #arrange() {
    const { secondModel, modelName } = this.#app.store.get();
    if (secondModel && secondModel === modelName) return this.#app.store.set({ secondModel: null });
    if (!secondModel) this.#close();
    else this.#open();
    return this.#refresh();
  }

  #open() {
    const { secondModel, modelName } = this.#app.store.get();
    if (!this.#view) this.#make();
    this.#label(this.#first, modelName);
    this.#label(this.#second, secondModel);
    this.#show();
  }

  /** A model's name with its classes: their colours mean something else in each view. */
  #label(host, name) {
    const { models, colours } = this.#app;
    const classes = (models.get(name)?.targets ?? []).map((target, k) => {
      const dot = h('span', { class: 'dot', style: { background: colours.of(target.name, k) } });
      return h('span', { class: 'view-class' }, dot, target.name);
    });
    fill(host, h('strong', {}, name ?? ''), ...classes);
  }

  #make() {
    const host = h('div', { class: 'view', id: 'view-second', role: 'img', tLabel: 'viewer.second' }, this.#second);
    this.#app.view.host.append(this.#first);
    this.#app.view.host.after(host);
    this.#view = new View(host, lookOf(this.#app));
    new Gestures(this.#view, () => undefined);
    this.#view.onMove(() => this.#app.view.follow(this.#view.transform));
    this.#app.view.fit();
  }

  #close() {
    this.#control.abort(new DOMException('closed', 'AbortError'));
    this.#view?.end();
    this.#view = null;
    this.#first.remove();
  }

  async #show() {
    if (!this.#view) return;
    const { view, store, results } = this.#app;
    const { item, picture } = view;
    const { secondModel } = store.get();
    if (this.#view.item !== item || this.#view.picture !== picture) this.#view.setPicture(item, picture);
    this.#view.follow(view.transform);
    if (!item || (this.#view.mask?.model === secondModel && this.#view.shownItem === item)) return this.#refresh();
    this.#control.abort(new DOMException('another frame', 'AbortError'));
    this.#control = new AbortController();
    const { signal } = this.#control;
    this.#view.setMask(null, null);
    try {
      const result = await results.get(item, secondModel, { signal });
      if (signal.aborted || !this.#view) return undefined;
      this.#view.shownItem = item;
      this.#view.setMask(Mask.fromResult(result), result);
    } catch (problem) {
      if (!isAbort(problem)) this.#app.tell(problem);
    }
    return this.#refresh();
  }

  buildPanel(host) {
    const { store } = this.#app;
    const select = h('select', { class: 'select is-wide', tLabel: 'viewer.second-model' });
    select.addEventListener('change', () => store.set({ secondModel: select.value || null }));
    const table = h('div', {});
    host.append(h('div', { class: 'row' }, h('span', { class: 'grow', t: 'viewer.second-model' }), select), table);
    this.#refresh = () => {
      const { session, modelName, secondModel } = store.get();
      const names = (session?.models ?? []).map((model) => model.name).filter((name) => name !== modelName);
      fill(select, new Option(t('viewer.second-none'), ''), ...names.map((name) => new Option(name, name)));
      select.value = secondModel ?? '';
      select.disabled = !names.length;
      fill(table, this.#agreement() ?? (names.length ? null : h('p', { class: 'hint', t: 'viewer.second-help' })));
    };
    store.on(['session', 'secondModel', 'modelName'], this.#refresh);
    onLanguage(this.#refresh);
    this.#refresh();
  }

  #agreement() {
    const [first, second] = [this.#app.view.mask, this.#view?.mask];
    if (!first || !second || first.length !== second.length) return null;
    const rows = first.targets.flatMap(({ name }, k) => {
      const j = second.targets.findIndex((target) => target.name === name);
      return j < 0 ? [] : [[name, agreement(first.plane(k), second.plane(j))]];
    });
    return rows.length ? h('div', {}, h('p', { class: 'hint', t: 'viewer.agreement' }), agreementTable(rows)) : null;
  }
}
