import type { Clock } from "./clock.js"
import { Timer } from "./timer.js"

/** Parts of a ping interval without a sign of life: after the first the server is asked, after the second it is dead. */
const ASK_AFTER = 1.25
const DEAD_AFTER = 2
/** How long the server may take to answer somebody who has reason to doubt, in milliseconds. */
const PROBE_MS = 5_000

export interface MonitorEvents {
  /** Ask the server for a sign of life; null where that is not possible. */
  ask: (() => void) | null
  dead(): void
}

/**
 * Watches a connection: a network that is gone, or a server whose computer is, tells nobody. Whoever has heard nothing for two ping
 * intervals may be sure of it.
 */
export class Monitor {
  readonly #clock: Clock
  readonly #events: MonitorEvents
  readonly #timer: Timer
  #interval = Infinity
  #heardAt = 0
  #asked = false
  /** When a probe has to be answered by. */
  #deadline = Infinity

  constructor(clock: Clock, events: MonitorEvents) {
    this.#clock = clock
    this.#events = events
    this.#timer = new Timer(clock)
  }

  /** Begins to watch, or goes on with another interval. @param interval milliseconds */
  start(interval: number): void {
    this.#interval = interval
    this.heard()
    this.#check()
  }

  stop(): void {
    this.#timer.clear()
    this.#interval = Infinity
  }

  /** Something has come. Called for every event, so it sets no timer: the next check sees what it says. */
  heard(): void {
    this.#heardAt = this.#clock.now()
    this.#asked = false
    this.#deadline = Infinity
  }

  /** There is reason to doubt: the computer may have slept, the network may be another. Is anybody there, now? */
  probe(): void {
    if (this.#interval === Infinity) return
    if (this.#events.ask && this.#deadline === Infinity) {
      this.#deadline = this.#clock.now() + PROBE_MS
      this.#ask()
    } else if (!this.#events.ask && this.#silence() >= ASK_AFTER * this.#interval) {
      // Signs of life come by themselves or not at all, and this one is late.
      return this.#dead()
    }
    this.#check()
  }

  #check(): void {
    const silence = this.#silence()
    if (silence >= DEAD_AFTER * this.#interval || this.#clock.now() >= this.#deadline) return this.#dead()
    if (silence >= ASK_AFTER * this.#interval && !this.#asked) this.#ask()

    const next = (this.#asked || !this.#events.ask ? DEAD_AFTER : ASK_AFTER) * this.#interval - silence
    this.#timer.set(Math.min(next, this.#deadline - this.#clock.now()), () => this.#check())
  }

  #silence(): number {
    return this.#clock.now() - this.#heardAt
  }

  #ask(): void {
    this.#asked = true
    this.#events.ask?.()
  }

  #dead(): void {
    this.stop()
    this.#events.dead()
  }
}
