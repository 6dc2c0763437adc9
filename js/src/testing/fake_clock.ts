import type { Clock } from "../clock.js"

interface Alarm {
  at: number
  callback: () => void
}

// Kept, because test frameworks may replace the global one.
const { setTimeout } = globalThis

/** @returns when all promises that could be fulfilled are */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/** A clock that stands still until it is told how much time has passed. */
export class FakeClock implements Clock {
  #now = 1_000_000
  #alarms: Alarm[] = []

  now(): number {
    return this.#now
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const alarm = { at: this.#now + Math.max(0, ms), callback }
    this.#alarms.push(alarm)
    return alarm
  }

  clearTimeout(timer: unknown): void {
    this.#alarms = this.#alarms.filter((alarm) => alarm !== timer)
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#alarms.length
  }

  /** Lets time pass: what was set for it is called in order, with all that comes of it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let alarm = this.#next(end); alarm; alarm = this.#next(end)) {
      this.clearTimeout(alarm)
      this.#now = Math.max(this.#now, alarm.at)
      alarm.callback()
      await settled()
    }
    this.#now = end
  }

  /** Lets time pass in which nothing runs, as when a computer sleeps. */
  sleep(ms: number): void {
    this.#now += ms
  }

  #next(end: number): Alarm | undefined {
    return this.#alarms.filter((alarm) => alarm.at <= end).sort((one, other) => one.at - other.at)[0]
  }
}
