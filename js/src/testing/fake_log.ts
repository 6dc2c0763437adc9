import type { FakeScopeState } from "./fake_connection.js"

export interface FakeEntry {
  event: unknown
  position: string
}

let epochs = 0

/** The log of a scope, as a broker keeps it, but without an end. */
export class FakeLog {
  #epoch = ""
  #events: unknown[] = []

  constructor() {
    this.begin()
  }

  /**
   * Forgets all.
   * @returns the position before what will come
   */
  begin(): string {
    this.#epoch = (++epochs).toString(16).padStart(16, "0")
    this.#events = []
    return this.#position(0)
  }

  /** @returns its position */
  append(event: unknown): string {
    return this.#position(this.#events.push(event))
  }

  /** @returns what a welcome says to somebody who has been there, and what he has missed */
  after(position: string | undefined): FakeScopeState & { missed: FakeEntry[] } {
    const now = this.#position(this.#events.length)
    if (position === undefined) return { position: now, recovered: null, missed: [] }

    const entries = [{ event: null, position: this.#position(0) }, ...this.#events.map((event, index) => ({ event, position: this.#position(index + 1) }))]
    const index = entries.findIndex((entry) => entry.position === position)
    if (index < 0) return { position: now, recovered: false, missed: [] }
    return { position, recovered: true, missed: entries.slice(index + 1) }
  }

  #position(offset: number): string {
    return `${this.#epoch}:${offset}`
  }
}
