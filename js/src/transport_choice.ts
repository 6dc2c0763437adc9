import type { TransportName } from "./transport.js"

/** So many websockets in a row that nothing came of are a network that breaks them, or a server that is away. */
const FAILURES = 3

/**
 * Decides how the next connection is tried. Server-sent events are for networks in which websockets do not work at all: who has once
 * had a websocket goes on with it, and who has come by server-sent events stays with them as long as they work.
 */
export class TransportChoice {
  readonly #websocket: boolean
  readonly #sse: boolean
  #worked = false
  #failures = 0

  /** Which of them there are. */
  constructor({ websocket, sse }: { websocket: boolean; sse: boolean }) {
    this.#websocket = websocket
    this.#sse = sse
  }

  next(): TransportName {
    if (!this.#websocket) return "sse"
    return this.#sse && !this.#worked && this.#failures >= FAILURES ? "sse" : "websocket"
  }

  /** The server was heard. */
  worked(name: TransportName): void {
    if (name === "websocket") this.#worked = true
  }

  /** Nothing was heard of the server. */
  failed(name: TransportName): void {
    // Where neither works, it is the server that is away, and websockets deserve their tries when it is back.
    this.#failures = name === "websocket" ? this.#failures + 1 : 0
  }

  /** This may be another network. */
  forget(): void {
    this.#worked = false
    this.#failures = 0
  }
}
