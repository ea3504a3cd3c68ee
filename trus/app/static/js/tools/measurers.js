/** Calliper, ellipse and angle. */

import { MeasuringTool } from './measuring.js';
import { registerTool } from './registry.js';

const KINDS = [
  { id: 'calliper', keys: ['l'], rest: () => [] },
  { id: 'ellipse', keys: ['o'], rest: (a, b) => [beside(a, b, 0.35)] },
  { id: 'angle', keys: ['a'], rest: (a, b) => [turned(b, a, -Math.PI / 4)] },
];

/** Puts them among the tools. @returns {MeasuringTool[]} */
export function addMeasuringTools(app) {
  const tools = KINDS.map((kind, order) => new MeasuringTool(app, { ...kind, order }));
  tools.forEach(registerTool);
  return tools;
}

/** A point beside the middle of a line, as a share of its length away. */
function beside(a, b, share) {
  return { x: (a.x + b.x) / 2 - (b.y - a.y) * share, y: (a.y + b.y) / 2 + (b.x - a.x) * share };
}

/** `point` turned about `centre`. */
function turned(centre, point, by) {
  const [x, y] = [point.x - centre.x, point.y - centre.y];
  return { x: centre.x + x * Math.cos(by) - y * Math.sin(by), y: centre.y + x * Math.sin(by) + y * Math.cos(by) };
}
