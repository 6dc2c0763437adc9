import type { Address } from "./address.js"
import { Backoff } from "./backoff.js"
import { AtrError } from "./errors.js"
import { Monitor } from "./monitor.js"
import type { Settings } from "./options.js"
import type { Page } from "./page.js"
import { DEFAULT_PING_INTERVAL_MS, isFinal } from "./protocol.js"
import type { Disconnect, EventFrame, Ping, Reset, ServerFrame, Welcome } from "./protocol.js"
import { SseTransport } from "./sse_transport.js"
import { Timer } from "./timer.js"
import type { End, Transport, TransportEvents, TransportName } from "./transport.js"
import { TransportChoice } from "./transport_choice.js"
import { WebSocketTransport } from "./websocket_transport.js"

/**
 * - `connecting`: the server is being asked
 * - `open`: events come
 * - `waiting`: for the time of the next try
 * - `closed`: for good
 */
export type State = "connecting" | "open" | "waiting" | "closed"

export interface StateInfo {
  /** In `waiting`: milliseconds until the next try. */
  delay: number | null
  /** The server's close code, if it has given one. */
  code: number | null
  /** Why it came to this, in one word. */
  reason: string | null
}

/** To whom a connection belongs. */
export interface ConnectionOwner {
  /** @returns the last position of each scope */
  positions(): Record<string, string>
  /** The connection is in its state. */
  changed(state: Exclude<State, "open">, info: StateInfo): void
  /** The connection is in the state `open`. */
  opened(welcome: Welcome): void
  received(frame: EventFrame | Reset | Ping, transport: TransportName): void
  failed(error: AtrError): void
}

/** A connection that has lasted so long was none of those that break as soon as they are made. In milliseconds. */
const STABLE_MS = 5_000
/** How long the server may take to close after it has said that it will, in milliseconds. */
const GOODBYE_MS = 2_000

/** Keeps up a connection to the server: tries, watches, waits and tries again, until it is told not to. */
export class Connection {
  readonly #address: Address
  readonly #settings: Settings
  readonly #owner: ConnectionOwner
  readonly #choice: TransportChoice
  readonly #backoff: Backoff
  readonly #timer: Timer
  readonly #unlisten: () => void
  #monitor: Monitor | null = null
  #transport: Transport | null = null
  #state: State = "connecting"
  /** Counts tries, so that what belongs to an earlier one is known as such. */
  #try = 0
  #openedAt = 0
  #earliest = 0
  #goodbye: Disconnect | null = null

  constructor(address: Address, settings: Settings, page: Page, owner: ConnectionOwner) {
    this.#address = address
    this.#settings = settings
    this.#owner = owner
    this.#choice = new TransportChoice({ websocket: settings.WebSocket !== null, sse: settings.fetch !== null })
    this.#backoff = new Backoff(settings.firstDelay, settings.longestDelay, settings.random)
    this.#timer = new Timer(settings.clock)
    this.#unlisten = page.onWake((what) => this.#wake(what))
    // Not at once: whoever makes it has yet to say what is to be told.
    queueMicrotask(() => this.#state === "connecting" && this.#connect())
  }

  get state(): State {
    return this.#state
  }

  get transport(): TransportName | null {
    return this.#transport?.name ?? null
  }

  /** Ends it for good. Idempotent. */
  close(): void {
    if (this.#state !== "closed") this.#close({ code: 1000, reason: "closed" })
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#try
    this.#change("connecting")
    if (attempt !== this.#try) return

    // The token has its part of this time.
    this.#timer.set(this.#settings.connectTimeout, () => this.#ended({ code: null, reason: "timeout" }))
    try {
      const token = (await this.#settings.token()) || null
      if (attempt === this.#try) this.#open(token)
    } catch (cause) {
      if (attempt !== this.#try) return
      this.#failed("token", "the function that gives the token has failed", cause)
      this.#ended({ code: null, reason: "token" })
    }
  }

  #open(token: string | null): void {
    const name = this.#choice.next()
    try {
      this.#transport = this.#makeTransport(name, token)
    } catch (cause) {
      this.#failed("transport", "this address cannot be connected to", cause)
      this.#choice.failed(name)
      this.#ended({ code: null, reason: "transport" })
      return
    }
    this.#monitor = new Monitor(this.#settings.clock, {
      ask: this.#transport.asks ? () => this.#transport?.send({ type: "ping" }) : null,
      dead: () => this.#ended({ code: null, reason: "silent" }),
    })
  }

  #makeTransport(name: TransportName, token: string | null): Transport {
    const positions = this.#owner.positions()
    const events: TransportEvents = {
      opened: () => this.#opened(),
      heard: () => this.#heard(name),
      received: (frame) => this.#received(frame, name),
      failed: (code, message, cause) => this.#failed(code, message, cause),
      ended: (end) => this.#ended(end),
    }
    const { WebSocket, fetch, filter } = this.#settings
    if (name === "sse") return new SseTransport(fetch!, this.#address.stream(token, positions), events)

    const known = Object.keys(positions).length > 0
    const hello = { type: "hello", ...(known && { positions }), ...(filter && { names: filter.names }) } as const
    return new WebSocketTransport(WebSocket!, this.#address.websocket(token), hello, events)
  }

  #opened(): void {
    this.#monitor?.start(DEFAULT_PING_INTERVAL_MS)
    // The welcome may take long, while the server is waiting for its broker; but is it the server who takes long?
    this.#timer.set(this.#settings.connectTimeout, () => this.#monitor?.probe())
  }

  #heard(name: TransportName): void {
    this.#monitor?.heard()
    this.#choice.worked(name)
  }

  #received(frame: ServerFrame, name: TransportName): void {
    switch (frame.type) {
      case "welcome":
        this.#timer.clear()
        this.#monitor?.start(frame.pingInterval)
        this.#openedAt = this.#settings.clock.now()
        this.#state = "open"
        this.#owner.opened(frame)
        break
      case "ping":
        this.#transport?.send({ type: "pong" })
        this.#owner.received(frame, name)
        break
      case "error":
        this.#owner.failed(new AtrError(frame.code, frame.message, { help: frame.help }))
        break
      case "disconnect":
        this.#goodbye = frame
        this.#timer.set(GOODBYE_MS, () => this.#ended({ code: null, reason: frame.reason }))
        break
      case "event":
      case "reset":
        this.#owner.received(frame, name)
    }
  }

  #ended(end: End): void {
    const { state, transport: name } = this
    // Somebody who was told of a failure has closed it.
    if (state === "closed") return
    this.#leave()
    const goodbye = this.#goodbye
    this.#goodbye = null
    const { code, reason } = { code: end.code, reason: goodbye?.reason || end.reason }
    if (goodbye?.reconnect === false || isFinal(end.code)) return this.#close({ code, reason })

    if (name && state !== "open" && end.code === null && !goodbye) this.#choice.failed(name)
    const now = this.#settings.clock.now()
    if (state === "open" && now - this.#openedAt >= STABLE_MS) this.#backoff.reset()
    const after = goodbye?.after ?? end.after ?? 0
    this.#earliest = now + after
    this.#wait(Math.max(after, this.#backoff.next()), code, reason)
  }

  #wait(delay: number, code: number | null, reason: string | null): void {
    this.#timer.set(delay, () => this.#connect())
    this.#change("waiting", { delay, code, reason })
  }

  #wake(what: "online" | "visible"): void {
    if (what === "online") this.#choice.forget()
    if (this.#state !== "waiting") return this.#monitor?.probe()

    // The network is back sooner than it works: the next tries, too, may come soon.
    this.#backoff.reset()
    const left = this.#earliest - this.#settings.clock.now()
    if (left > 0) this.#timer.set(left, () => this.#connect())
    else void this.#connect()
  }

  #close(end: { code: number | null; reason: string }): void {
    this.#unlisten()
    this.#leave()
    this.#change("closed", { delay: null, ...end })
  }

  /** Lets go of the present try, whatever has become of it. */
  #leave(): void {
    this.#try++
    this.#timer.clear()
    this.#monitor?.stop()
    this.#monitor = null
    this.#transport?.close()
    this.#transport = null
  }

  #change(state: Exclude<State, "open">, info: StateInfo = { delay: null, code: null, reason: null }): void {
    this.#state = state
    this.#owner.changed(state, info)
  }

  #failed(code: string, message: string, cause: unknown): void {
    this.#owner.failed(new AtrError(code, message, { cause }))
  }
}
