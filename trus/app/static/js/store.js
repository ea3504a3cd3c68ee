/**
 * One place for what the whole page shares; whoever shows a part of it listens for that part.
 *
 * @template {object} T
 * @param {T} initial
 */
export function createStore(initial) {
  let state = { ...initial };
  const listeners = new Set();
  return {
    /** @returns {Readonly<T>} */
    get: () => state,
    /** Sets some keys; listeners of keys whose value changed are called once. @param {Partial<T>} patch */
    set(patch) {
      const changed = Object.keys(patch).filter((key) => !Object.is(state[key], patch[key]));
      if (!changed.length) return;
      state = { ...state, ...patch };
      for (const { keys, listener } of [...listeners]) {
        if (keys.some((key) => changed.includes(key))) listener(state);
      }
    },
    /**
     * @param {string|string[]} keys
     * @param {(state: T) => void} listener
     * @returns {() => void} ends the listening
     */
    on(keys, listener) {
      const entry = { keys: [keys].flat(), listener };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}

/** Named events: `on(name, fn)` returns what ends it. */
export function createEvents() {
  const listeners = new Map();
  return {
    on(name, listener) {
      if (!listeners.has(name)) listeners.set(name, new Set());
      listeners.get(name).add(listener);
      return () => listeners.get(name).delete(listener);
    },
    emit(name, ...values) {
      for (const listener of [...(listeners.get(name) ?? [])]) listener(...values);
    },
  };
}
