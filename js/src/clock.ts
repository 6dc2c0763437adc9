/** The time and the timers that the client lives by. A test may bring its own, see `FakeClock`. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/**
 * Reads the wall clock and not the monotonic one, which stands still in some browsers while the computer sleeps: how long nothing
 * was heard must count the sleep.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}
