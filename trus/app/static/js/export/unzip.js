/** The files of a zip archive that the service made: stored or deflated, no encryption, below 4 GiB. */

const END = 0x06054b50;
const DEFLATED = 8;

/**
 * @param {Blob} blob
 * @returns {Promise<import('./zip.js').Entry[]>}
 * @throws {RangeError} for what is no such archive
 */
export async function unzip(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const end = bytes.length - 22; // the service writes no comment behind it
  if (end < 0 || view.getUint32(end, true) !== END) throw new RangeError('not a zip archive');
  const count = view.getUint16(end + 10, true);
  const entries = [];
  for (let i = 0, at = view.getUint32(end + 16, true); i < count; i++) {
    const [method, packed, nameLength] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true), view.getUint16(at + 28, true)];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    entries.push({ name, bytes: await content(view, bytes, view.getUint32(at + 42, true), packed, method) });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

async function content(view, bytes, header, packed, method) {
  const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
  const data = bytes.subarray(start, start + packed);
  if (method !== DEFLATED) return data;
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
