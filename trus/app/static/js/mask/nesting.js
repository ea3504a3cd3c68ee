/** Which class lies inside which, by index of the targets. */

/**
 * @typedef {object} Nesting
 * @property {number[][]} outer for each class those that contain it, at any depth
 * @property {number[][]} inner for each class those inside it
 * @property {number[][]} beside for each class those that are neither: a pixel belongs to one of the two at most
 * @property {number[][]} levels classes by depth, the outermost first
 * @property {Uint8Array[]} covers for each class, by place of a class plus 1 (0: none): whether it covers that one
 */

/** @param {{name: string}[]} targets @param {Object<string, string[]>} contains by name @returns {Nesting} */
export function nesting(targets, contains) {
  const names = targets.map((target) => target.name);
  const within = names.map((name) => inside(name, contains));
  const inner = names.map((_, k) => pick(names, (name, j) => j !== k && within[k].has(name)));
  const outer = names.map((name, k) => pick(names, (_, j) => j !== k && within[j].has(name)));
  const beside = names.map((_, k) => pick(names, (_name, j) => j !== k && !inner[k].includes(j) && !outer[k].includes(j)));
  const depths = [...new Set(outer.map((list) => list.length))].sort((a, b) => a - b);
  const levels = depths.map((depth) => pick(names, (_, j) => outer[j].length === depth));
  const covers = names.map((_, k) => {
    const table = new Uint8Array(names.length + 1);
    for (const j of [k, ...inner[k]]) table[j + 1] = 1;
    return table;
  });
  return { outer, inner, beside, levels, covers };
}

function inside(name, contains) {
  const found = new Set();
  const pending = [...(contains[name] ?? [])];
  while (pending.length) {
    const next = pending.pop();
    if (!found.has(next)) {
      found.add(next);
      pending.push(...(contains[next] ?? []));
    }
  }
  return found;
}

function pick(names, keep) {
  return names.map((_, j) => j).filter((j) => keep(names[j], j));
}

/**
 * One class or none a pixel: inner classes lie over outer ones, of one level the most probable wins, the first of equals.
 * The rule of trus.data.classes.Classes.decode.
 * @param {Uint8Array[]} present 0 or 1 @param {Uint8Array[]} probabilities 0 to 255 @param {Nesting} nest
 * @returns {Uint8Array} place of the class plus 1, 0: none
 */
export function decided(present, probabilities, nest) {
  const winner = new Uint8Array(present[0].length);
  for (const level of nest.levels) {
    if (level.length === 1) overlay(winner, present[level[0]], level[0] + 1);
    else contest(winner, level, present, probabilities);
  }
  return winner;
}

function overlay(winner, plane, value) {
  for (let i = 0; i < plane.length; i += 1) if (plane[i]) winner[i] = value;
}

function contest(winner, level, present, probabilities) {
  for (let i = 0; i < winner.length; i += 1) {
    let best = -1;
    for (const k of level) {
      if (present[k][i] && probabilities[k][i] > best) {
        best = probabilities[k][i];
        winner[i] = k + 1;
      }
    }
  }
}
