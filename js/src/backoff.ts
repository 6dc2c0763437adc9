/**
 * How long to wait before a try: anything between nothing and twice as much as before. The whole of it is left to chance ("full
 * jitter"), because the pages of a server that has gone all begin to count in the same instant.
 *
 * @param failures how many tries have failed before, from 0
 * @param first the longest wait before the first try, in milliseconds
 * @param longest the longest wait before any try, in milliseconds
 * @param random gives a number from 0 to 1
 * @returns milliseconds
 */
export function fullJitter(failures: number, first: number, longest: number, random: () => number): number {
  return random() * Math.min(longest, first * 2 ** failures)
}

/** Counts failures, and says how long to wait after each. */
export class Backoff {
  readonly #first: number
  readonly #longest: number
  readonly #random: () => number
  #failures = 0

  constructor(first: number, longest: number, random: () => number) {
    this.#first = first
    this.#longest = longest
    this.#random = random
  }

  /** @returns milliseconds */
  next(): number {
    return fullJitter(this.#failures++, this.#first, this.#longest, this.#random)
  }

  reset(): void {
    this.#failures = 0
  }
}
