/** The ring that shows how far a tool reaches, and lines that are seen on light and dark. */

/** @param {CanvasRenderingContext2D} context @param {{x: number, y: number}} point in frame px @param {number} radius px */
export function drawRing(context, view, point, radius, colour, dash = []) {
  const { x, y } = view.toScreen(point);
  const path = new Path2D();
  path.arc(x, y, Math.max(radius * view.scale, 1), 0, 2 * Math.PI);
  strokeOutlined(context, path, colour, 1.25, dash);
}

/** A line with a dark rim. @param {CanvasRenderingContext2D} context @param {Path2D} path @param {number} width px @param {number[]} dash */
export function strokeOutlined(context, path, colour, width, dash) {
  context.setLineDash([]);
  context.lineWidth = 3;
  context.strokeStyle = 'rgba(0, 0, 0, 0.55)';
  context.stroke(path);
  context.setLineDash(dash);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke(path);
}
