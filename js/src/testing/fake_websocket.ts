import type { ClientFrame } from "../protocol.js"
import type { WebSocketLike } from "../websocket_transport.js"
import { FakeConnection } from "./fake_connection.js"

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3]

/** The client's end of a websocket that leads to a `FakeServer`. */
export class FakeWebSocket implements WebSocketLike {
  readonly url: string
  readonly protocol: string
  readyState = CONNECTING
  onopen: ((event: any) => void) | null = null
  onmessage: ((event: any) => void) | null = null
  onerror: ((event: any) => void) | null = null
  onclose: ((event: any) => void) | null = null
  /** The other end. */
  readonly connection: FakeWebSocketConnection

  constructor(url: string, protocol: string, received: (connection: FakeWebSocketConnection, frame: ClientFrame) => void) {
    this.url = url
    this.protocol = protocol
    this.connection = new FakeWebSocketConnection(this, received)
  }

  send(data: string): void {
    if (this.readyState === CONNECTING) throw new Error("the websocket is not open yet")
    if (this.readyState === OPEN) this.connection.receive(JSON.parse(data) as ClientFrame)
  }

  close(code = 1005): void {
    if (this.readyState === CLOSING || this.readyState === CLOSED) return
    this.readyState = CLOSING
    this.connection.welcomed = false
    this.connection.closedWith = code
    // As if the server had answered.
    queueMicrotask(() => this.end(code, ""))
  }

  /** @internal */
  open(): void {
    if (this.readyState !== CONNECTING) return
    this.readyState = OPEN
    this.onopen?.({})
  }

  /** @internal */
  end(code: number, reason: string): void {
    if (this.readyState === CLOSED) return
    this.readyState = CLOSED
    this.connection.welcomed = false
    // So do implementations that are made of event emitters.
    if (!this.onerror) throw new Error("nobody listens to the errors of this websocket")
    this.onerror({})
    this.onclose?.({ code, reason })
  }
}

/** The server's end of it. */
export class FakeWebSocketConnection extends FakeConnection {
  readonly transport = "websocket"
  readonly #socket: FakeWebSocket
  readonly #received: (connection: FakeWebSocketConnection, frame: ClientFrame) => void

  constructor(socket: FakeWebSocket, received: (connection: FakeWebSocketConnection, frame: ClientFrame) => void) {
    super(socket.url)
    this.#socket = socket
    this.#received = received
  }

  /** @internal */
  receive(frame: ClientFrame): void {
    this.frames.push(frame)
    this.#received(this, frame)
  }

  override send(frame: Record<string, unknown>): void {
    this.sendText(JSON.stringify(frame))
  }

  /** Sends what may be no frame at all. */
  sendText(data: unknown): void {
    if (this.open) this.#socket.onmessage?.({ data })
  }

  override close(code = 1012, reason = ""): void {
    this.#socket.end(code, reason)
  }

  override drop(): void {
    this.#socket.end(1006, "")
  }

  protected override isOpen(): boolean {
    return this.#socket.readyState === OPEN
  }
}
