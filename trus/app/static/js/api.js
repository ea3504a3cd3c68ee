/** Every request to the service. Errors are `Problem`s, whatever went wrong. */

const BASE = '/app/api';
const PATIENCE = { 'queue-full': 8, memory: 8, 'not-ready': 20, draining: 1 };

/** What the service refused, or why it could not be asked (status 0, kind `unreachable`). */
export class Problem extends Error {
  /** @param {number} status @param {string} kind @param {string} [detail] */
  constructor(status, kind, detail = '') {
    super(`${status} ${kind}`);
    this.status = status;
    this.kind = kind;
    this.detail = detail;
  }
}

/** Whether an error only says that the work was no longer wanted. */
export const isAbort = (error) => error?.name === 'AbortError';

/**
 * fetch with our errors. Busy answers (429, 503) are asked again after Retry-After, some times.
 *
 * @param {string} path below /app/api
 * @param {RequestInit & {patience?: number}} [options]
 * @returns {Promise<Response>}
 */
export async function request(path, options = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await reach(path, options);
    if (answer.ok) return answer;
    const problem = await readProblem(answer);
    const busy = answer.status === 429 || answer.status === 503;
    if (!busy || attempt >= (options.patience ?? PATIENCE[problem.kind] ?? 4)) throw problem;
    await pause(Math.min(Number(answer.headers.get('Retry-After')) || 1, 10) * 1000, options.signal);
  }
}

async function reach(path, options) {
  try {
    return await fetch(BASE + path, { credentials: 'same-origin', cache: 'no-store', ...options });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0, 'unreachable');
  }
}

async function readProblem(answer) {
  try {
    const document = await answer.json();
    const kind = String(document.type ?? '').replace('urn:trus:problem:', '');
    return new Problem(answer.status, kind === 'about:blank' ? '' : kind, document.detail ?? '');
  } catch {
    return new Problem(answer.status, answer.status === 401 ? 'token' : '', '');
  }
}

/** Waits, or rejects with the signal's AbortError. @param {number} ms @param {AbortSignal} [signal] */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) reject(signal.reason);
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== undefined));

/** What the service is: its models, limits, place. @param {AbortSignal} [signal] */
export const getSession = async (signal) => (await request('/session', { signal, patience: 0 })).json();

/** Loads one of the models that were found on this computer. @param {string} id */
export async function loadFound(id, signal) {
  const headers = { 'Content-Type': 'application/json' };
  return (await request('/models', { method: 'POST', headers, body: JSON.stringify({ id }), signal })).json();
}

/** Loads a model file that the user holds. @param {Blob} file */
export async function sendModel(file, signal) {
  const headers = { 'Content-Type': 'application/octet-stream' };
  return (await request('/models', { method: 'POST', headers, body: file, signal })).json();
}

/** Sends one file; its frames are then asked for by the study's id. @param {Blob} file */
export async function sendStudy(file, signal) {
  const headers = { 'Content-Type': 'application/octet-stream' };
  return (await request('/studies', { method: 'POST', headers, body: file, signal })).json();
}

/** Frees a study on the service; it is no loss where that fails. @param {string} id */
export const dropStudy = (id) => request(`/studies/${id}`, { method: 'DELETE', patience: 0 }).catch(() => undefined);

/**
 * A frame's picture. `range`: the values that black and white stand for.
 *
 * @returns {Promise<{blob: Blob, range: [number, number]}>}
 */
export async function getFrame(study, frame, signal) {
  const answer = await request(`/studies/${study}/frames/${frame}`, { signal });
  const [low, high] = (answer.headers.get('Trus-Range') ?? '0,255').split(',').map(Number);
  return { blob: await answer.blob(), range: [low, high] };
}

/** What the network sees of a frame, in the frame's size. @returns {Promise<Blob>} */
export async function getPreprocessed(study, frame, model, signal) {
  return (await request(`/studies/${study}/frames/${frame}/preprocessed?${query({ model })}`, { signal })).blob();
}

/**
 * A frame's result.
 *
 * @returns {Promise<import('./frames.js').Result>}
 */
export async function getResult(study, frame, model, signal) {
  const answer = await request(`/studies/${study}/frames/${frame}/result?${query({ model, region: 'auto' })}`, { signal });
  return parseResult(await answer.arrayBuffer());
}

/** Bytes of an answer -> result. Raises Problem where they do not fit each other. @param {ArrayBuffer} buffer */
export function parseResult(buffer) {
  try {
    return readResult(buffer);
  } catch {
    throw new Problem(502, 'damaged-answer');
  }
}

function readResult(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const [height, width] = head.size;
  const area = height * width;
  const count = head.targets.length;
  if (buffer.byteLength !== 4 + length + (count + 1) * area) throw new RangeError('another length than the head says');
  const plane = (k) => new Uint8Array(buffer, 4 + length + k * area, area);
  return {
    model: head.model,
    sha256: head.sha256,
    size: head.size,
    targets: head.targets.map((target) => ({
      name: target.name,
      value: target.value,
      threshold: target.threshold,
      meanProbability: target.mean_probability,
      uncertainShare: target.uncertain_share,
    })),
    contains: head.contains,
    boxes: head.boxes,
    notes: head.notes,
    warnings: head.warnings,
    timings: head.timings_ms,
    planes: head.targets.map((_, k) => plane(k)),
    labels: plane(count),
  };
}

/** Ends the session; the service forgets its files. */
export const logOut = () => request('/session', { method: 'DELETE', patience: 0 });

/** Tells the service that this page goes, as far as it still can. @param {string[]} studies */
export const leave = (studies) =>
  navigator.sendBeacon(`${BASE}/leave`, new Blob([JSON.stringify({ studies })], { type: 'application/json' }));
