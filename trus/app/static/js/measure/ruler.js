/** The scale bar and the ruler at the left edge of the view. */

import { IN_PIXELS, frameScale } from './scale.js';
import { roundLength } from './words.js';
import { number, t } from '../i18n.js';

const NICE = [1, 2, 5];
const BAR = 110;
const MARGIN = 14;
const GAP = 8;

/** The largest of 1, 2, 5, 10 ... not above `most`. */
export function niceBelow(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return power * NICE.findLast((each) => each * power <= most * 1.0000001);
}

/**
 * @param {CanvasRenderingContext2D} context in CSS pixels of the view
 * @param {object} view
 * @param {object} item
 * @param {{width: number, height: number}} canvas the view's size
 * @param {{colour: string, edge: string, plate: string}} look
 */
export function drawRuler(context, view, item, canvas, look) {
  const scale = frameScale(item);
  const [row, column] = scale.spacing ?? IN_PIXELS;
  const unit = scale.spacing ? 'mm' : 'px';
  drawBar(context, canvas, view.scale / column, unit, scale.source, look);
  drawTicks(context, view, item, canvas, view.scale / row, look);
}

function drawBar(context, canvas, perUnit, unit, source, look) {
  const length = niceBelow(BAR / perUnit);
  const [x, y] = [MARGIN + 34, canvas.height - MARGIN];
  const end = x + length * perUnit;
  lines(context, [[[x, y - 5], [x, y], [end, y], [end, y - 5]]], look, 2);
  const text = roundLength(length, unit);
  context.font = '600 12px system-ui, sans-serif';
  context.textBaseline = 'bottom';
  outlined(context, source === 'stated' ? `${text} · ${t('measure.stated')}` : text, x, y - 7, look);
}

function drawTicks(context, view, item, canvas, perUnit, look) {
  const step = niceBelow((GAP * 2) / perUnit);
  const top = view.toScreen({ x: 0, y: 0 }).y;
  const bottom = Math.min(view.toScreen({ x: 0, y: item.size[0] }).y, canvas.height);
  const first = Math.max(0, Math.ceil(-top / (step * perUnit)));
  const ticks = [];
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  for (let i = first; top + i * step * perUnit <= bottom; i++) {
    const y = Math.round(top + i * step * perUnit) + 0.5;
    const long = i % 10 === 0;
    ticks.push([[0, y], [long ? 12 : i % 5 === 0 ? 8 : 4, y]]);
    if (long && y > 8 && y < canvas.height - 34) outlined(context, number(Number((i * step).toPrecision(6))), 15, y, look);
  }
  lines(context, ticks, look, 1);
}

function lines(context, each, { colour, edge }, width) {
  context.beginPath();
  for (const points of each) points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.lineWidth = width + 2;
  context.strokeStyle = edge;
  context.stroke();
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}

function outlined(context, text, x, y, { colour, edge }) {
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.strokeStyle = edge;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
