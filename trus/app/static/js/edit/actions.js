/** Actions of the history that can be kept: plain data, and how to make an action of it. */
import { applyChange } from '../mask/change.js';

/** By kind: what makes an action of kept data. @type {Map<string, (app: object, kept: object, find: Function) => object|null>} */
const makers = new Map();

/**
 * @param {string} kind
 * @param {(app: object, kept: object, find: (id: string) => import('../frames.js').Item|undefined) => {item?: object,
 *   do: () => void, undo: () => void}|null} make null where what it concerns is gone
 */
function registerKind(kind, make) {
  makers.set(kind, make);
}

/** An action of data that can be kept. @param {object} app @param {{kind: string, textKey: string, vars?: object}} kept */
export function keptAction(app, kept, find = (id) => app.frames.get(id)) {
  const made = makers.get(kept.kind)?.(app, kept, find);
  return made ? { textKey: kept.textKey, vars: kept.vars, kept, ...made } : null;
}

/** Says whether a frame's mask differs from the model's, and who made it so. */
export function markEdited(app, item) {
  const edited = Boolean(item.mask?.corrected);
  if (edited) item.annotator = app.store.get().annotator || item.annotator;
  item.edited = edited;
  app.frames.changed(item, 'edited');
}

/** @param {object} app @param {import('../frames.js').Item} item @param {import('../mask/change.js').Change} change */
export function maskAction(app, item, change, textKey, vars) {
  return keptAction(app, { kind: 'mask', textKey, vars, item: item.id, sha256: item.mask.sha256, change }, () => item);
}

registerKind('mask', (app, { item: id, sha256, change }, find) => {
  const item = find(id);
  const mask = item?.mask;
  if (mask?.sha256 !== sha256) return null;
  const apply = (side) => {
    if (item.mask !== mask) {
      item.mask = mask; // another model's mask took its place meanwhile
      app.frames.changed(item, 'mask');
    }
    applyChange(mask, change, side);
    markEdited(app, item);
    // nothing is left of the corrections: the mask is again that of the model chosen
    if (!item.edited && mask.model !== app.store.get().modelName && item === app.frames.selected) app.showing.show();
  };
  return { item, do: () => apply('after'), undo: () => apply('before') };
});

/**
 * Puts values into fields of frames. @param {object} app @param {string} what changed, for `frames.changed`
 * @param {{item: import('../frames.js').Item, field: string, value: any}[]} values plain data
 */
export function fieldsAction(app, textKey, what, values) {
  const changes = values.map(({ item, field, value }) => ({ item: item.id, field, before: item[field], after: value }));
  return keptAction(app, { kind: 'fields', textKey, what, changes });
}

registerKind('fields', (app, { what, changes }, find) => {
  const items = changes.map(({ item }) => find(item));
  if (items.includes(undefined)) return null;
  const put = (side) =>
    changes.forEach(({ field, [side]: value }, i) => {
      items[i][field] = value;
      app.frames.changed(items[i], what);
    });
  return { item: items[0], do: () => put('after'), undo: () => put('before') };
});

/** Takes frames out of the list. @param {object} app @param {string[]} ids */
export function removeAction(app, ids, textKey) {
  return keptAction(app, { kind: 'remove', textKey, vars: { n: ids.length }, ids, places: places(app, ids) });
}

function places(app, ids) {
  return ids.map((id) => app.frames.list.indexOf(app.frames.get(id)));
}

registerKind('remove', (app, { ids, places: positions }, find) => {
  const items = ids.map((id) => find(id));
  if (items.includes(undefined)) return null;
  const taken = items.map((item, i) => ({ item, position: positions[i] })).sort((a, b) => a.position - b.position);
  return {
    do: () => app.frames.remove(ids),
    undo: () => {
      for (const { position, group } of groups(taken)) app.frames.add(group, position);
      app.frames.select(taken[0].item.id);
    },
  };
});

/** Frames that stood beside each other, to be put back at once. */
function groups(taken) {
  const found = [];
  for (const { item, position } of taken) {
    const last = found.at(-1);
    if (last && last.position + last.group.length === position) last.group.push(item);
    else found.push({ position, group: [item] });
  }
  return found;
}
