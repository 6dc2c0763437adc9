import { MalformedFrame, SUBPROTOCOL, parseFrame } from "./protocol.js"
import type { ClientFrame, Hello } from "./protocol.js"
import type { Transport, TransportEvents } from "./transport.js"

/** What is needed of a WebSocket. */
export interface WebSocketLike {
  readonly protocol: string
  readonly readyState: number
  onopen: ((event: any) => void) | null
  onmessage: ((event: any) => void) | null
  onerror: ((event: any) => void) | null
  onclose: ((event: any) => void) | null
  send(data: string): void
  close(code?: number, reason?: string): void
}

export type WebSocketClass = new (url: string, protocols: string) => WebSocketLike

const OPEN = 1
/** What a browser says of a connection that was lost, or never came to be. */
const LOST = 1006

/** Speaks atr.v1 over a websocket. */
export class WebSocketTransport implements Transport {
  readonly name = "websocket"
  readonly asks = true
  readonly #socket: WebSocketLike
  readonly #events: TransportEvents

  /** @throws what the constructor of a WebSocket throws */
  constructor(WebSocket: WebSocketClass, url: string, hello: Hello, events: TransportEvents) {
    this.#events = events
    const socket = (this.#socket = new WebSocket(url, SUBPROTOCOL))
    socket.onopen = () => this.#opened(hello)
    socket.onmessage = ({ data }: { data: unknown }) => this.#received(data)
    // What there is to know about an error comes with the close that follows.
    socket.onerror = () => {}
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      this.#detach()
      events.ended(code === LOST ? { code: null, reason: "lost" } : { code, reason })
    }
  }

  send(frame: ClientFrame): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(JSON.stringify(frame))
  }

  close(): void {
    // The closing handshake of a dead connection may take a minute: nobody waits for it.
    this.#detach()
    this.#socket.close(1000)
  }

  #opened(hello: Hello): void {
    if (this.#socket.protocol !== SUBPROTOCOL) {
      this.close()
      this.#events.failed("transport", `the server does not speak ${SUBPROTOCOL}`)
      this.#events.ended({ code: null, reason: "protocol" })
      return
    }
    this.#events.opened()
    this.send(hello)
  }

  #received(data: unknown): void {
    this.#events.heard()
    try {
      const frame = parseFrame(data)
      if (frame) this.#events.received(frame)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#events.failed("malformed_message", error.message, error)
    }
  }

  #detach(): void {
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null
    // A closed socket may still fail, and some implementations throw an error that nobody listens to.
    this.#socket.onerror = () => {}
  }
}
