/** Label values of a PNG as they are stored: a palette's indices, which a browser would turn into colours. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const GREY = 0;
const PALETTE = 3;

/**
 * @param {Blob} blob
 * @returns {Promise<{width: number, height: number, values: Uint8Array}|null>} null where it is no PNG of one channel
 *   with up to 8 bits
 */
export async function readLabels(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) return null;
  const { header, data } = chunksOf(bytes);
  if (!header || header.interlaced || header.depth > 8 || ![GREY, PALETTE].includes(header.kind)) return null;
  const stream = new Blob(data).stream().pipeThrough(new DecompressionStream('deflate'));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  return { width: header.width, height: header.height, values: valuesOf(packed, header) };
}

function chunksOf(bytes) {
  const view = new DataView(bytes.buffer);
  const data = [];
  let header = null;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === 'IHDR') {
      header = {
        width: view.getUint32(at + 8), height: view.getUint32(at + 12), depth: bytes[at + 16], kind: bytes[at + 17], interlaced: bytes[at + 20] !== 0,
      };
    } else if (kind === 'IDAT') data.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return { header, data };
}

function valuesOf(packed, { width, height, depth }) {
  const stride = Math.ceil((width * depth) / 8);
  const values = new Uint8Array(width * height);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y += 1) {
    const start = y * (stride + 1);
    const row = packed.slice(start + 1, start + 1 + stride);
    unfilter(packed[start], row, above);
    for (let x = 0; x < width; x += 1) {
      const bit = x * depth;
      values[y * width + x] = (row[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }
    above = row;
  }
  return values;
}

/** PNG's row filters (RFC 2083, 6) for one byte a pixel. */
function unfilter(kind, row, above) {
  for (let i = 0; i < row.length; i += 1) {
    const left = i ? row[i - 1] : 0;
    const corner = i ? above[i - 1] : 0;
    if (kind === 1) row[i] += left;
    else if (kind === 2) row[i] += above[i];
    else if (kind === 3) row[i] += (left + above[i]) >> 1;
    else if (kind === 4) row[i] += paeth(left, above[i], corner);
  }
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
