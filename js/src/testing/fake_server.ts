import type { ClientFrame } from "../protocol.js"
import type { Options } from "../options.js"
import type { WebSocketClass } from "../websocket_transport.js"
import { FakeConnection } from "./fake_connection.js"
import type { FakeScopeState } from "./fake_connection.js"
import { settled } from "./fake_clock.js"
import { FakeLog } from "./fake_log.js"
import { FakeStream } from "./fake_stream.js"
import { FakeWebSocket } from "./fake_websocket.js"

/** How connections are refused: `network` is a server that is not there, a number is a close code (4401, 4403, …). */
export type Refusal = "network" | number

export interface FakeServerOptions {
  /** Those that every client is let into. */
  scopes?: string[]
  /** Whether it answers by itself; if not, the test sends every frame. */
  answers?: boolean
  /** Milliseconds. */
  pingInterval?: number
}

/**
 * A server in the same process, without a network: what `connect` needs is in its `options`. It keeps a log for each scope, so a
 * client that comes back gets what it has missed.
 *
 *     const server = new FakeServer({ scopes: ["organization.1"] })
 *     const client = connect("ws://live.test/organization/1", server.options)
 *     await server.connected()
 *     server.publish("organization.1", { name: "post.created", record: { id: 1 } })
 */
export class FakeServer {
  /** All that were ever made, refused ones excepted. */
  readonly connections: FakeConnection[] = []
  /** For `connect`: a WebSocket and a fetch that lead here. */
  readonly options: Required<Pick<Options, "WebSocket" | "fetch">>
  /** How often somebody has tried to connect. */
  tries = 0
  readonly #logs: Map<string, FakeLog>
  readonly #answers: boolean
  readonly #pingInterval: number
  #refusal: Refusal | null = null
  #websockets = true

  constructor({ scopes = [], answers = true, pingInterval = 25_000 }: FakeServerOptions = {}) {
    this.#logs = new Map(scopes.map((scope) => [scope, new FakeLog()]))
    this.#answers = answers
    this.#pingInterval = pingInterval
    const connect = (url: string, protocol: string) => this.#connect(url, protocol)
    // A class only in so far as `new` makes one.
    const WebSocket = function (url: string, protocol: string) {
      return connect(url, protocol)
    } as unknown as WebSocketClass
    this.options = { WebSocket, fetch: (url, { signal }) => this.#stream(url, signal) }
  }

  /** The connection that was made last. */
  get connection(): FakeConnection {
    const last = this.connections.at(-1)
    if (!last) throw new Error("nobody has connected yet")
    return last
  }

  /** Waits until a client is connected, and welcomed if the server answers by itself. */
  async connected(): Promise<FakeConnection> {
    const there = () => this.connections.find((one) => one.open && (one.welcomed || !this.#answers) && one.hello)
    for (let turns = 0; turns < 1_000; turns++) {
      const connection = there()
      await settled()
      if (connection) return connection
    }
    throw new Error("no client has connected")
  }

  /**
   * Puts an event into the log of a scope, and sends it to all who are there.
   * @returns its position
   */
  publish(scope: string, event: unknown): string {
    const position = this.#log(scope).append(event)
    for (const connection of this.connections) if (connection.welcomed) connection.event(scope, event, position)
    return position
  }

  /** Begins the log of a scope anew, as a broker does that has lost it; whoever is there is told. */
  forget(scope: string): void {
    const position = this.#log(scope).begin()
    for (const connection of this.connections) if (connection.welcomed) connection.reset(scope, position)
  }

  /** Breaks all connections, as a network does. */
  drop(): void {
    for (const connection of this.connections) connection.drop()
  }

  /** Lets nobody in from now on. */
  refuse(how: Refusal = "network"): void {
    this.#refusal = how
  }

  /** Lets everybody in again. */
  accept(): void {
    this.#refusal = null
  }

  /** Is in a network from now on that websockets do not get through. */
  breakWebsockets(): void {
    this.#websockets = false
  }

  #log(scope: string): FakeLog {
    const log = this.#logs.get(scope)
    if (!log) throw new Error(`the server has no scope ${scope}`)
    return log
  }

  #connect(url: string, protocol: string): FakeWebSocket {
    this.tries++
    const socket = new FakeWebSocket(url, protocol, (connection, frame) => this.#received(connection, frame))
    const refusal = this.#websockets ? this.#refusal : "network"
    if (refusal === "network") {
      queueMicrotask(() => socket.end(1006, ""))
      return socket
    }
    if (refusal === null) this.connections.push(socket.connection)
    queueMicrotask(() => {
      socket.open()
      if (refusal !== null) this.#turnAway(socket, refusal)
    })
    return socket
  }

  #turnAway(socket: FakeWebSocket, code: number): void {
    const reconnect = code !== 4401 && code !== 4403
    socket.connection.disconnect("refused", { reconnect })
    socket.end(code, "refused")
  }

  async #stream(url: string, signal: AbortSignal | null | undefined): Promise<Response> {
    this.tries++
    if (this.#refusal === "network") throw new TypeError("fetch failed")
    if (this.#refusal !== null) return new Response("", { status: this.#refusal - 4_000 })

    const stream = new FakeStream(url, signal)
    this.connections.push(stream)
    queueMicrotask(() => this.#received(stream, stream.hello!))
    return stream.response
  }

  #received(connection: FakeConnection, frame: ClientFrame): void {
    if (!this.#answers || !this.connections.includes(connection)) return
    if (frame.type === "ping") connection.send({ type: "pong" })
    if (frame.type !== "hello") return

    const replays = [...this.#logs].map(([scope, log]) => ({ scope, ...log.after(frame.positions?.[scope]) }))
    const states = replays.map(({ scope, position, recovered }): [string, FakeScopeState] => [scope, { position, recovered }])
    connection.welcome(Object.fromEntries(states), { pingInterval: this.#pingInterval })
    for (const { scope, missed } of replays) for (const { event, position } of missed) connection.event(scope, event, position)
  }
}
