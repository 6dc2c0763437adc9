const POSITION = /^([0-9a-f]{16}):(0|[1-9][0-9]*)$/

/** @returns whether one is further than the other; null when the two cannot be compared */
function compare(one: string, other: string): number | null {
  const [, epoch, offset] = POSITION.exec(one) ?? []
  const [, otherEpoch, otherOffset] = POSITION.exec(other) ?? []
  return epoch === undefined || epoch !== otherEpoch ? null : Number(offset) - Number(otherOffset)
}

/** Keeps the last position of each scope, and tells what is new from what has been there before. */
export class Positions {
  // A Map, because a scope may be called `__proto__`.
  readonly #all: Map<string, string>

  constructor(positions: Readonly<Record<string, string>> = {}) {
    this.#all = new Map(Object.entries(positions))
  }

  /** @returns an object to give to the server */
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#all)
  }

  /**
   * Goes on to the position of something that has come.
   * @returns false if that has come before
   */
  advance(scope: string, position: string): boolean {
    const known = this.#all.get(scope)
    const ahead = known === undefined ? null : compare(position, known)
    if (ahead !== null && ahead <= 0) return false

    this.#all.set(scope, position)
    return true
  }

  /** Goes to where the server says, be it back. Without a position the scope has no log, and none is kept. */
  set(scope: string, position: string | null): void {
    if (position === null) this.#all.delete(scope)
    else this.#all.set(scope, position)
  }
}
