/** A random id of 128 bits. (crypto.randomUUID is absent where a clinic's server is reached without TLS.) */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
