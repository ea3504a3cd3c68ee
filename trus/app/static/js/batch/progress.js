/** How a batch goes: frames done, and how long the rest takes at the pace of the last ones. */

const REMEMBERED = 20;

export class Pace {
  /** @type {number[]} when frames ended, ms */
  #ends = [];

  /** A frame ended at `now` (ms, monotonic); one that failed counts too: it took its time. */
  ended(now) {
    this.#ends.push(now);
    if (this.#ends.length > REMEMBERED) this.#ends.shift();
  }

  /** A pause is not pace. */
  forget() {
    this.#ends = [];
  }

  /** Seconds for `left` more frames, or null while fewer than three have ended. */
  secondsLeft(left) {
    if (this.#ends.length < 3) return null;
    const each = (this.#ends.at(-1) - this.#ends[0]) / (this.#ends.length - 1);
    return (each * left) / 1000;
  }
}
