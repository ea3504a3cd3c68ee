/** A polygon in the making. */

import { strokeOutlined } from './ring.js';

const HALF = 3.5;

/** @param {CanvasRenderingContext2D} context @param {{x: number, y: number}[]} corners in screen px @param {object|null} pointer */
export function drawPolygon(context, corners, pointer, colour) {
  const path = new Path2D();
  corners.forEach(({ x, y }, i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  const loose = new Path2D();
  loose.moveTo(corners.at(-1).x, corners.at(-1).y);
  if (pointer) loose.lineTo(pointer.x, pointer.y);
  loose.lineTo(corners[0].x, corners[0].y);
  strokeOutlined(context, loose, colour, 1.5, [4, 4]);
  strokeOutlined(context, path, colour, 1.5, []);
  for (const { x, y } of corners) {
    context.fillStyle = 'black';
    context.fillRect(x - HALF - 1, y - HALF - 1, 2 * HALF + 2, 2 * HALF + 2);
    context.fillStyle = colour;
    context.fillRect(x - HALF, y - HALF, 2 * HALF, 2 * HALF);
  }
}
