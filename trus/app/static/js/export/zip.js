/** A zip archive of files that are compressed already (PNG) or small: stored as they are. */

/** @typedef {{name: string, bytes: Uint8Array}} Entry */

const UTF8_NAMES = 0x0800;

/**
 * Pack the files; their names are made unique by a number before the suffix.
 *
 * @param {Entry[]} entries
 * @param {Date} now written as every file's time
 * @returns {Blob} application/zip
 * @throws {RangeError} over 65535 files or 4 GiB, which this format cannot hold
 */
export function zip(entries, now) {
  if (entries.length > 0xffff) throw new RangeError('a zip archive holds 65535 files at most');
  const names = uniqueNames(entries.map((entry) => entry.name)).map((name) => new TextEncoder().encode(name));
  const parts = [];
  const directory = [];
  let offset = 0;
  entries.forEach(({ bytes }, i) => {
    const fields = fileFields(bytes, names[i], now);
    parts.push(localHeader(fields), names[i], bytes);
    directory.push(centralHeader(fields, offset), names[i]);
    offset += 30 + names[i].length + bytes.length;
    if (offset > 0xffffffff) throw new RangeError('a zip archive holds 4 GiB at most');
  });
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record(22, [[4, 0x06054b50], [2, 0], [2, 0], [2, entries.length], [2, entries.length], [4, length], [4, offset], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: 'application/zip' });
}

/** The same names in the same order, a repeated one with -2, -3 ... before its suffix. */
export function uniqueNames(names) {
  const taken = new Set();
  return names.map((name) => {
    const dot = name.lastIndexOf('.') > 0 ? name.lastIndexOf('.') : name.length;
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name.slice(0, dot)}-${n}${name.slice(dot)}`;
    taken.add(unique);
    return unique;
  });
}

/** What a file's header says in both places: version, flags, method (stored), time, date, CRC, sizes, name's length. */
function fileFields(bytes, name, now) {
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const size = bytes.length;
  return [[2, 20], [2, UTF8_NAMES], [2, 0], [2, time], [2, date], [4, crc32(bytes)], [4, size], [4, size], [2, name.length], [2, 0]];
}

function localHeader(fields) {
  return record(30, [[4, 0x04034b50], ...fields]);
}

function centralHeader(fields, offset) {
  return record(46, [[4, 0x02014b50], [2, 20], ...fields, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
}

/** Little-endian numbers one after the other. @param {[number, number][]} fields bytes (2 or 4) and value */
function record(size, fields) {
  const view = new DataView(new ArrayBuffer(size));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
