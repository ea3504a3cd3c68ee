/** The line at the bottom: what is under the pointer, the scale, the spacing, the connection. */

import { h } from './dom.js';
import { number, onLanguage, percent, setText, t } from './i18n.js';
import { frameScale } from './measure/scale.js';
import { noteText } from './notes.js';

/** @param {HTMLElement} host @param {object} app */
export function buildStatus(host, app) {
  const place = h('span', { class: 'status-place' });
  const level = h('span', { class: 'status-level' });
  const classes = h('span', { class: 'status-classes', translate: 'no' });
  const spacing = h('span', { class: 'status-spacing' });
  const size = h('span', { class: 'status-size' });
  const where = h('span', { class: 'status-where' });
  app.slots.status = h('span', { class: 'status-slot' });
  host.append(place, level, classes, h('span', { class: 'grow' }), size, spacing, app.slots.status, where);

  const { view } = app;
  const pointer = whenIdle(showPoint);
  view.host.addEventListener('pointermove', ({ clientX, clientY }) => pointer({ clientX, clientY }));
  view.host.addEventListener('pointerleave', () => pointer(null));

  function showPoint(event) {
    const box = event && view.host.getBoundingClientRect();
    const point = event && view.toFrame({ x: event.clientX - box.left, y: event.clientY - box.top });
    const pixel = point && { x: Math.floor(point.x), y: Math.floor(point.y) };
    const levels = pixel && view.levelsAt(pixel.x, pixel.y);
    place.textContent = levels ? `x ${pixel.x}  y ${pixel.y}` : '';
    level.textContent = levels ? t('viewer.grey', { value: greyText(levels, view.picture.range) }) : '';
    classes.textContent = levels ? probabilities(view, pixel) : '';
  }
  const show = () => {
    showSpacing(spacing, view.item);
    size.textContent = view.picture ? `${view.picture.width} × ${view.picture.height}` : '';
    showWhere(where, app.store.get());
  };
  const showZoom = () => {
    app.slots.zoom.textContent = view.picture ? percent(view.scale * (window.devicePixelRatio || 1)) : '–';
  };
  view.onShown(() => (show(), showZoom()));
  view.onMove(showZoom);
  app.frames.on('item', (item, what) => item === view.item && what === 'spacing' && show());
  app.store.on(['session', 'connection'], show);
  onLanguage(() => (show(), showZoom()));
  show();
  showZoom();
}

/** Calls with the newest argument once the browser has time to spare: words wait for what is drawn under the hand. */
function whenIdle(show) {
  const later = window.requestIdleCallback ?? ((run) => setTimeout(run, 50)); // Safari has none
  let waiting = false;
  let newest;
  return (value) => {
    newest = value;
    if (waiting) return;
    waiting = true;
    later(() => ((waiting = false), show(newest)), { timeout: 200 });
  };
}

function greyText([red, green, blue], range) {
  const value = (level) => number(range[0] + (level * (range[1] - range[0])) / 255, { maximumFractionDigits: 0 });
  return red === green && green === blue ? value(red) : [red, green, blue].map(value).join(' ');
}

function probabilities({ mask, result }, { x, y }) {
  if (!mask || !result?.planes) return '';
  const at = y * mask.width + x;
  return mask.targets.map(({ name }, k) => `${name} ${percent(result.planes[k][at] / 256)}`).join('   ');
}

function showSpacing(element, item) {
  if (!item) return element.replaceChildren();
  const { spacing, source } = frameScale(item);
  element.title = noteText(item.spacingNote);
  if (spacing) {
    const [row, column] = spacing.map((value) => number(value, { maximumSignificantDigits: 4 }));
    const key = source === 'stated' ? 'viewer.spacing-stated' : 'viewer.spacing';
    return setText(element, key, { value: row === column ? row : `${row} × ${column}` });
  }
  const regions = item.regions.some((region) => region.spacing);
  return setText(element, regions ? 'viewer.spacing-regions' : 'viewer.spacing-none');
}

function showWhere(element, { session, connection }) {
  element.classList.toggle('is-lost', connection !== 'ok');
  if (connection !== 'ok') setText(element, 'shell.connection-lost');
  else if (session?.local) setText(element, 'shell.where-local');
  else setText(element, 'shell.where-host', { host: location.host });
}
