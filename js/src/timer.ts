import type { Clock } from "./clock.js"

/** The longest that timers can be set for; beyond it they fire at once. */
const LONGEST_MS = 2 ** 31 - 1

/** One timer, of which only the last setting counts. */
export class Timer {
  readonly #clock: Clock
  #timer: unknown = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(ms: number, callback: () => void): void {
    this.clear()
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null
      callback()
    }, Math.min(ms, LONGEST_MS))
  }

  clear(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer)
    this.#timer = null
  }
}
