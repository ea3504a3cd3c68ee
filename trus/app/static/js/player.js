/** Going through frames: one by one, and playing a clip. */

import { commandButton, refreshCommands } from './controls.js';
import { h } from './dom.js';
import { number, onLanguage, setText, t } from './i18n.js';
import { register } from './keyboard.js';

const SPEEDS = [2, 5, 10, 15, 25];

export class Player {
  #app;
  #timer = 0;

  /** @param {object} app */
  constructor(app) {
    this.#app = app;
    const { frames } = app;
    const some = () => frames.list.length > 1;
    const command = (id, textKey, keys, run, when, icon) =>
      register({ id: `frame.${id}`, textKey: `viewer.${textKey}`, keys, run, when, icon, group: 'frames' });
    command('previous', 'previous', ['arrowleft'], () => frames.step(-1), () => frames.position > 0, 'previous');
    command('next', 'next', ['arrowright'], () => frames.step(1), () => frames.position < frames.list.length - 1, 'next');
    command('back-ten', 'back-ten', ['pageup'], () => frames.step(-10), some);
    command('on-ten', 'on-ten', ['pagedown'], () => frames.step(10), some);
    command('first', 'first', ['home'], () => frames.step(-Infinity), some);
    command('last', 'last', ['end'], () => frames.step(Infinity), some);
    command('play', 'play', ['k'], () => this.toggle(), () => this.clip.length > 1, 'play');
    frames.on('list', () => this.clip.length < 2 && this.stop());
  }

  /** The frames that playing goes through: those of the shown file, or all where each file is one frame. */
  get clip() {
    const { frames } = this.#app;
    const own = frames.selected ? frames.ofFile(frames.selected.fileId) : [];
    return own.length > 1 ? own : frames.list;
  }

  get playing() {
    return this.#app.store.get().playing;
  }

  toggle() {
    if (this.playing) this.stop();
    else this.start();
  }

  start() {
    const clip = this.clip;
    if (clip.length < 2) return;
    if (this.#app.frames.selected === clip.at(-1)) this.#app.frames.select(clip[0].id);
    this.#app.store.set({ playing: true });
    this.#timer = setTimeout(() => this.#tick(), this.#pause());
  }

  stop() {
    clearTimeout(this.#timer);
    if (!this.playing) return;
    this.#app.store.set({ playing: false });
    this.#app.showing.show();
  }

  #pause() {
    return 1000 / this.#app.store.get().speed;
  }

  /** Frames come in time or later, never left out: a slow service slows the playing down. */
  async #tick() {
    const clip = this.clip;
    const at = clip.indexOf(this.#app.frames.selected);
    const next = clip[at + 1] ?? (this.#app.store.get().loop ? clip[0] : null);
    if (!next || at < 0) return this.stop();
    const due = performance.now() + this.#pause();
    try {
      await this.#app.pictures.get(next);
    } catch {
      return this.stop();
    }
    if (!this.playing) return undefined;
    this.#app.frames.select(next.id);
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, due - performance.now()));
    return undefined;
  }
}

/** The bar over the filmstrip. @param {HTMLElement} host @param {object} app */
export function buildPlayer(host, app) {
  const { store, frames } = app;
  const name = h('span', { class: 'frame-name grow', translate: 'no' });
  const position = h('span', { class: 'frame-position' });
  const speed = h('select', { class: 'select is-small', tLabel: 'viewer.speed', tTitle: 'viewer.speed' });
  speed.addEventListener('change', () => store.set({ speed: Number(speed.value) }));
  const loop = h('button', { type: 'button', class: 'icon-button', tLabel: 'viewer.loop', tTitle: 'viewer.loop', on: { click: () => store.set({ loop: !store.get().loop }) } });
  loop.append(app.icon('loop'));
  app.slots.strip = h('div', { class: 'strip-slot' });
  host.append(
    commandButton('frame.previous'),
    commandButton('frame.play', { icon: () => (store.get().playing ? 'pause' : 'play'), pressed: () => store.get().playing }),
    commandButton('frame.next'),
    position,
    speed,
    loop,
    h('span', { class: 'bar-line' }),
    name,
    app.slots.strip,
    commandButton('frame.remove'),
  );
  const show = () => {
    const item = frames.selected;
    if (item) setText(position, 'viewer.position', { position: frames.position + 1, n: frames.list.length });
    else position.textContent = '';
    name.textContent = item?.name ?? '';
    name.title = item?.name ?? '';
    loop.setAttribute('aria-pressed', String(store.get().loop));
    speed.replaceChildren(...SPEEDS.map((each) => new Option(t('viewer.per-second', { value: number(each) }), String(each))));
    speed.value = String(store.get().speed);
    refreshCommands();
  };
  frames.on('select', show);
  frames.on('list', show);
  store.on(['playing', 'loop', 'speed'], show);
  onLanguage(show);
  show();
}
