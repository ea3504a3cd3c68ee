/** What the colours of the probability mean, in the corner of the view while they are shown. */

import { fill, h } from '../dom.js';
import { number, onLanguage, t } from '../i18n.js';
import { viridis } from './colours.js';

const STOPS = 9;

/** @param {object} app */
export function buildHeatLegend(app) {
  const stops = Array.from({ length: STOPS }, (_, i) => viridis(i / (STOPS - 1)));
  const colours = stops.map((rgb, i) => `rgb(${rgb.join(' ')}) ${(100 * i) / (STOPS - 1)}%`);
  const mark = h('span', { class: 'heat-mark' });
  const bar = h('div', { class: 'heat-bar' }, mark);
  bar.style.background = `linear-gradient(to right, ${colours.join(', ')})`;
  const title = h('div', { class: 'heat-title' });
  const ends = h('div', { class: 'heat-ends', 'aria-hidden': 'true' });
  const element = h('div', { class: 'heat-legend', role: 'img', tLabel: 'viewer.heat-legend', hidden: true }, title, bar, ends);
  app.view.host.append(element);
  const show = () => {
    const { display } = app.store.get();
    const target = display.mask && display.heat !== null ? app.view.mask?.targets[display.heat] : null;
    element.hidden = !target;
    if (!target) return;
    const step = app.view.mask.thresholds[display.heat];
    title.textContent = t('viewer.heat-of', { name: target.name });
    fill(ends, ...[0, 0.5, 1].map((value) => h('span', {}, number(value))));
    mark.style.left = `${100 * (step === null ? target.threshold : step / 256)}%`;
  };
  app.store.on('display', show);
  app.view.onShown(show);
  app.frames.on('item', (item, what) => item === app.view.item && what === 'mask' && show());
  onLanguage(show);
  show();
}
