/** The view in words, for screen readers. */

import { number, onLanguage, percent, t } from '../i18n.js';

/** @param {object} app */
export function describeView(app) {
  const { view, frames } = app;
  const show = () => {
    const item = frames.selected;
    view.host.setAttribute('aria-label', item ? words(view, item) : t('viewer.label-empty'));
  };
  view.onShown(show);
  frames.on('select', show);
  frames.on('item', (item, what) => item === frames.selected && what === 'result' && app.messages.announce(words(view, item)));
  onLanguage(show);
  show();
}

function words({ mask, result }, item) {
  const parts = [t('viewer.label', { name: item.name })];
  mask?.targets.forEach(({ name }, k) => {
    const area = mask.plane(k).reduce((sum, value) => sum + value, 0);
    const mean = result?.targets[k]?.meanProbability;
    if (!area) parts.push(t('viewer.label-absent', { name }));
    else if (mean) parts.push(t('viewer.label-class', { name, area: number(area), mean: percent(mean) }));
    else parts.push(t('viewer.label-class-area', { name, area: number(area) }));
  });
  return parts.join('. ');
}
