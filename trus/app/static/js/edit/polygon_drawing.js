/** A polygon in the making. */

const HALF = 3.5;

/** @param {CanvasRenderingContext2D} context @param {{x: number, y: number}[]} corners in screen px @param {object|null} pointer */
export function drawPolygon(context, corners, pointer, colour) {
  const path = new Path2D();
  corners.forEach(({ x, y }, i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  const loose = new Path2D();
  loose.moveTo(corners.at(-1).x, corners.at(-1).y);
  if (pointer) loose.lineTo(pointer.x, pointer.y);
  loose.lineTo(corners[0].x, corners[0].y);
  line(context, loose, colour, [4, 4]);
  line(context, path, colour, []);
  for (const { x, y } of corners) {
    context.fillStyle = 'black';
    context.fillRect(x - HALF - 1, y - HALF - 1, 2 * HALF + 2, 2 * HALF + 2);
    context.fillStyle = colour;
    context.fillRect(x - HALF, y - HALF, 2 * HALF, 2 * HALF);
  }
}

function line(context, path, colour, dash) {
  context.setLineDash([]);
  context.lineWidth = 3;
  context.strokeStyle = 'rgba(0, 0, 0, 0.55)';
  context.stroke(path);
  context.setLineDash(dash);
  context.lineWidth = 1.5;
  context.strokeStyle = colour;
  context.stroke(path);
}
