/** Run lengths: of label maps for exports, and packed into bytes for keeping. */

/** Row-major runs of a label map, its rows joined. @param {Uint8Array} labels @returns {[number, number][]} value, length */
export function toRuns(labels) {
  const runs = [];
  for (let start = 0, end; start < labels.length; start = end) {
    end = runEnd(labels, start);
    runs.push([labels[start], end - start]);
  }
  return runs;
}

/** @param {[number, number][]} runs @param {number} length px; throws RangeError where the runs do not fit @returns {Uint8Array} */
export function fromRuns(runs, length) {
  const labels = new Uint8Array(length);
  let at = 0;
  for (const [value, run] of runs) {
    if (at + run > length) break;
    labels.fill(value, at, at + run);
    at += run;
  }
  if (at !== length) throw new RangeError(`runs of ${at} px for ${length}`);
  return labels;
}

/** Bytes: for each run its value and its length, seven bits a byte, the lowest first. @param {Uint8Array} values */
export function pack(values) {
  const bytes = [];
  for (let start = 0, end; start < values.length; start = end) {
    end = runEnd(values, start);
    bytes.push(values[start]);
    let run = end - start;
    for (; run > 127; run = Math.floor(run / 128)) bytes.push((run % 128) + 128);
    bytes.push(run);
  }
  return Uint8Array.from(bytes);
}

/** The inverse of `pack`. @param {Uint8Array} bytes @param {number} length throws RangeError where they do not fit */
export function unpack(bytes, length) {
  const values = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < bytes.length; ) {
    const value = bytes[i++];
    let run = 0;
    let unit = 1;
    for (; bytes[i] > 127; i += 1, unit *= 128) run += (bytes[i] - 128) * unit;
    run += bytes[i++] * unit;
    if (!(at + run <= length)) throw new RangeError(`runs of more than ${length} px`);
    if (value) values.fill(value, at, at + run);
    at += run;
  }
  if (at !== length) throw new RangeError(`runs of ${at} px for ${length}`);
  return values;
}

/** How many values `unpack` would give. @param {Uint8Array} bytes */
export function packedLength(bytes) {
  let length = 0;
  for (let i = 1; i < bytes.length; i += 2) {
    let unit = 1;
    for (; bytes[i] > 127; i += 1, unit *= 128) length += (bytes[i] - 128) * unit;
    length += bytes[i] * unit;
  }
  return length;
}

function runEnd(values, start) {
  const value = values[start];
  let end = start + 1;
  while (end < values.length && values[end] === value) end += 1;
  return end;
}
