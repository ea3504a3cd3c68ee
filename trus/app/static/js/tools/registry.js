/** Tools: what the pointer does in the view. One is chosen at a time. */

import { register } from '../keyboard.js';

/**
 * A tool. Points are in frame pixels. What a tool draws is drawn over the picture while it is chosen.
 *
 * @typedef {object} Tool
 * @property {string} id
 * @property {string} textKey
 * @property {string} icon
 * @property {string} [cursor] of CSS
 * @property {string[]} [keys]
 * @property {'view'|'edit'|'measure'} [group]
 * @property {number} [order] within its group
 * @property {() => boolean} [when] whether it can be used now
 * @property {(event: PointerEvent, point: {x: number, y: number}) => void} [onPointerDown]
 * @property {(event: PointerEvent, point: {x: number, y: number}) => void} [onPointerMove] also without a button
 * @property {(event: PointerEvent, point: {x: number, y: number}) => void} [onPointerUp]
 * @property {() => void} [onCancel] the stroke became a pan or a pinch: undo what it began
 * @property {() => void} [onPointerLeave]
 * @property {(event: WheelEvent) => boolean} [onWheel] true where the wheel was the tool's
 * @property {(event: KeyboardEvent) => boolean} [onKey] true where the key was the tool's
 * @property {(context: CanvasRenderingContext2D, view: object) => void} [draw] in CSS pixels of the view
 * @property {(host: HTMLElement) => void} [buildOptions] shown over the picture while the tool is chosen
 * @property {() => void} [activate]
 * @property {() => void} [deactivate]
 */

const GROUPS = ['view', 'edit', 'measure'];
/** @type {Map<string, Tool>} */
const tools = new Map();
let store;

/** @param {ReturnType<import('../store.js').createStore>} shared its `toolId` is the tool chosen */
export function useStore(shared) {
  store = shared;
}

/** @param {Tool} tool */
export function registerTool(tool) {
  tools.set(tool.id, tool);
  register({
    id: `tool.${tool.id}`,
    textKey: tool.textKey,
    icon: tool.icon,
    keys: tool.keys,
    group: tool.group ?? 'edit',
    when: tool.when,
    run: () => chooseTool(tool.id),
  });
}

/** @param {string} id */
export function chooseTool(id) {
  const before = currentTool();
  if (before?.id === id || !tools.has(id)) return;
  before?.deactivate?.();
  store.set({ toolId: id });
  tools.get(id).activate?.();
}

/** @returns {Tool|undefined} */
export const currentTool = () => tools.get(store.get().toolId);

/** @returns {Tool[]} group by group, in order */
export function allTools() {
  const rank = (tool) => GROUPS.indexOf(tool.group ?? 'edit') * 1000 + (tool.order ?? 500);
  return [...tools.values()].sort((a, b) => rank(a) - rank(b));
}
