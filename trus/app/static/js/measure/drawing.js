/** Measurements over the picture: lines with a dark edge, cross-shaped ends, and a label. */

import { boxOf, ellipse } from './geometry.js';
import { figures, numberOf } from './measurement.js';
import { IN_PIXELS, scaleAt } from './scale.js';
import { markOf, row } from './words.js';

const ARM = 5;

/**
 * Draws one measurement.
 *
 * @param {CanvasRenderingContext2D} context in CSS pixels of the view
 * @param {object} view
 * @param {object} item
 * @param {object} measurement
 * @param {{colour: string, edge: string, text: string, chosen: boolean}} look
 */
export function drawMeasurement(context, view, item, measurement, look) {
  const points = measurement.points.map((point) => view.toScreen(point));
  if (!points.length) return;
  const path = OUTLINES[measurement.type](view, item, measurement, points);
  stroke(context, path, look);
  for (const point of points) stroke(context, cross(point), look);
  if (look.chosen) points.forEach((point) => ring(context, point, look));
  const found = figures(item, measurement, () => undefined);
  label(context, points[1], `${numberOf(item, measurement)} · ${row(found.rows[0])}${markOf(found.scale)}`, view.size.width, look);
}

const OUTLINES = {
  calliper: (_view, _item, _measurement, points) => chain(points),
  angle: (_view, _item, _measurement, points) => chain(points),
  ellipse: (view, item, measurement) => {
    const spacing = scaleAt(item, boxOf(measurement.points)).spacing ?? IN_PIXELS;
    return chain(ellipse(measurement.points, spacing).outline.map((point) => view.toScreen(point)), true);
  },
};

/** A straight line between two points of the frame with end marks: the widest diameters of a mask. */
export function drawDiameter(context, view, { from, to }, look) {
  const [a, b] = [view.toScreen(from), view.toScreen(to)];
  context.save();
  context.setLineDash([5, 4]);
  stroke(context, chain([a, b]), look);
  context.restore();
}

function chain(points, closed = false) {
  const path = new Path2D();
  points.forEach(({ x, y }, i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (closed) path.closePath();
  return path;
}

function cross({ x, y }) {
  const path = new Path2D();
  path.moveTo(x - ARM, y);
  path.lineTo(x + ARM, y);
  path.moveTo(x, y - ARM);
  path.lineTo(x, y + ARM);
  return path;
}

function ring(context, { x, y }, look) {
  const path = new Path2D();
  path.arc(x, y, ARM + 3, 0, 2 * Math.PI);
  stroke(context, path, look);
}

function stroke(context, path, { colour, edge }) {
  context.lineWidth = 3.5;
  context.strokeStyle = edge;
  context.stroke(path);
  context.lineWidth = 1.5;
  context.strokeStyle = colour;
  context.stroke(path);
}

/** Text on a dark plate beside a point, kept within the canvas. */
function label(context, point, text, right, { colour, plate }) {
  context.font = '600 12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const width = context.measureText(text).width + 10;
  const x = point.x + 12 + width > right ? point.x - 12 - width : point.x + 12;
  const y = Math.max(point.y - 12, 11);
  context.fillStyle = plate;
  context.beginPath();
  context.roundRect(x, y - 10, width, 20, 4);
  context.fill();
  context.fillStyle = colour;
  context.fillText(text, x + 5, y + 0.5);
}
