/** What this browser keeps of the work: one IndexedDB database, and nothing anywhere else. */

const DATABASE = 'trus';
const VERSION = 1;
const STORES = { sessions: 'id', files: ['session', 'id'], items: ['session', 'id'], actions: ['session', 'number'] };

/** Rejects where the browser has no database for us (private windows of some browsers). @returns {Promise<IDBDatabase>} */
export async function openDatabase() {
  const request = indexedDB.open(DATABASE, VERSION);
  request.onupgradeneeded = () => {
    for (const [name, keyPath] of Object.entries(STORES)) request.result.createObjectStore(name, { keyPath });
  };
  const database = await answer(request);
  database.onversionchange = () => database.close(); // another tab deletes everything
  return database;
}

/** The whole database, with all its work. */
export const deleteDatabase = () => answer(indexedDB.deleteDatabase(DATABASE));

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Writes all or nothing. @param {IDBDatabase} database @param {(stores: Record<string, IDBObjectStore>) => void} work */
export function write(database, work) {
  return new Promise((resolve, reject) => {
    const names = Object.keys(STORES);
    const transaction = database.transaction(names, 'readwrite');
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    try {
      work(Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)])));
    } catch (error) {
      transaction.abort();
      reject(error);
    }
  });
}

/** @param {string} store @param {IDBKeyRange} [range] @returns {Promise<object[]>} */
export const readAll = (database, store, range) => answer(database.transaction(store).objectStore(store).getAll(range));

/** @returns {Promise<object|undefined>} */
export const readOne = (database, store, key) => answer(database.transaction(store).objectStore(store).get(key));

/** Every key of one session. @param {string} id */
export const ofSession = (id) => IDBKeyRange.bound([id], [id, []]);

/** Deletes a session within a transaction. @param {Record<string, IDBObjectStore>} stores @param {string} id */
export function deleteSession(stores, id) {
  stores.sessions.delete(id);
  for (const name of ['files', 'items', 'actions']) stores[name].delete(ofSession(id));
}
