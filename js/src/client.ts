import { Address } from "./address.js"
import { Connection } from "./connection.js"
import type { State, StateInfo } from "./connection.js"
import { AtrError } from "./errors.js"
import { Listeners, callSafely } from "./listeners.js"
import { settle } from "./options.js"
import type { Options, Settings } from "./options.js"
import { Page } from "./page.js"
import { Positions } from "./positions.js"
import type { EventFrame, Ping, Reset, Welcome } from "./protocol.js"
import { Subscriptions } from "./subscriptions.js"
import type { TransportName } from "./transport.js"

/** An event as atr's own JSON has it. A serializer of the app's may leave out members, and add others. */
export interface AtrEvent {
  id: string
  name: string
  occured_at: string
  record: any
  record_type?: string
  routing_key: string
  /** Of an update: what each changed attribute was and is. */
  changes?: Record<string, [before: any, after: any]>
  [member: string]: unknown
}

export interface EventInfo {
  /** `event.name`; "" if the serializer gives none. */
  name: string
  /** null if unknown: over server-sent events, for a scope without a log. */
  scope: string | null
  /** null for an event that is in no log. */
  position: string | null
}

export interface ResetInfo {
  scope: string
  /** Where its events go on; null if the scope has no log. */
  position: string | null
}

export type Handler<Event = AtrEvent> = (event: Event, info: EventInfo) => unknown

/** A client of `atr_server`: gets events, and stays connected until it is closed. Made by `connect`. */
export class Client {
  readonly #settings: Settings
  readonly #positions: Positions
  readonly #subscriptions = new Subscriptions<Handler<any>>()
  readonly #states: Listeners<[State, StateInfo]>
  readonly #resets: Listeners<[ResetInfo]>
  readonly #errors: Listeners<[AtrError]>
  readonly #connection: Connection
  /** Every scope that it has been in. */
  readonly #scopes = new Set<string>()
  #session: string | null = null
  #clientKey: string | null = null

  /** @internal */
  constructor(url: string | URL, options: Options = {}, page = new Page()) {
    const address = new Address(url, page.base)
    this.#settings = settle(options)
    const failed = (cause: unknown) => this.#failed(new AtrError("handler", `a handler has failed: ${String(cause)}`, { cause }))
    this.#states = new Listeners(failed)
    this.#resets = new Listeners(failed)
    // Whoever handles errors cannot be told that this, too, has failed.
    this.#errors = new Listeners((cause) => console.error(cause))
    this.#positions = new Positions(this.#known(options, page))
    this.#connection = new Connection(address, this.#settings, page, {
      positions: () => this.positions,
      changed: (state, info) => this.#states.tell(state, info),
      opened: (welcome) => this.#opened(welcome),
      received: (frame, transport) => this.#received(frame, transport),
      failed: (error) => this.#failed(error),
    })
  }

  get state(): State {
    return this.#connection.state
  }

  /** How it is connected now, or tries to be. */
  get transport(): TransportName | null {
    return this.#connection.transport
  }

  /** The last position of each scope: with it as the option `positions`, another client goes on where this one is. */
  get positions(): Record<string, string> {
    return this.#positions.toJSON()
  }

  /** The server's name for the latest connection. */
  get session(): string | null {
    return this.#session
  }

  /** What the authenticator calls this client. */
  get clientKey(): string | null {
    return this.#clientKey
  }

  /**
   * Calls the handler with each event of this name.
   * @param name a name, or a prefix and `*`: `post.*`; `*` is every event
   * @returns a function that removes it
   */
  on<Event = AtrEvent>(name: string, handler: Handler<Event>): () => void {
    this.#subscriptions.add(name, handler)
    return () => this.#subscriptions.remove(name, handler)
  }

  /** Removes a handler; without one, all that were added for just this name or pattern. */
  off(name: string, handler?: Handler<any>): void {
    this.#subscriptions.remove(name, handler)
  }

  /** @returns a function that removes it */
  onState(listener: (state: State, info: StateInfo) => unknown): () => void {
    return this.#states.add(listener)
  }

  /**
   * Calls the listener when events of a scope may be missing: what is shown of it has to be loaded again.
   * @returns a function that removes it
   */
  onReset(listener: (reset: ResetInfo) => unknown): () => void {
    return this.#resets.add(listener)
  }

  /**
   * Calls the listener with what a developer should know. Without any, it is written to the console.
   * @returns a function that removes it
   */
  onError(listener: (error: AtrError) => unknown): () => void {
    return this.#errors.add(listener)
  }

  /** Ends the connection for good. Idempotent. */
  close(): void {
    this.#connection.close()
  }

  #known(options: Options, page: Page): Record<string, string> {
    try {
      const known = Object.entries<unknown>(options.positions ?? page.positions()).filter(([, position]) => position !== null)
      const wrong = known.find(([, position]) => typeof position !== "string")
      if (wrong) throw new AtrError("malformed_position", `the position of ${wrong[0]} is no text`)
      return Object.fromEntries(known) as Record<string, string>
    } catch (error) {
      if (!(error instanceof AtrError)) throw error
      // Whoever has made the client is yet to say who is to be told.
      queueMicrotask(() => this.#failed(error))
      return {}
    }
  }

  #opened(welcome: Welcome): void {
    this.#session = welcome.session
    this.#clientKey = welcome.clientKey
    const lost: ResetInfo[] = []
    for (const [scope, { position, recovered }] of welcome.scopes) {
      // Of a scope without a log the client can give no position, but what was published while it was away is missing all the same.
      if (recovered === false || (recovered === null && this.#scopes.has(scope))) lost.push({ scope, position })
      this.#scopes.add(scope)
      // Of what has been recovered, some may have come before.
      if (recovered && position !== null) this.#positions.advance(scope, position)
      else this.#positions.set(scope, position)
    }
    this.#states.tell("open", { delay: null, code: null, reason: null })
    for (const reset of lost) this.#reset(reset)
  }

  #received(frame: EventFrame | Reset | Ping, transport: TransportName): void {
    if (frame.type === "event") return this.#event(frame, transport)
    if (frame.type === "ping") return frame.positions.forEach(([scope, position]) => this.#positions.advance(scope, position))

    this.#positions.set(frame.scope, frame.position)
    this.#reset({ scope: frame.scope, position: frame.position })
  }

  #event({ scope, position, event }: EventFrame, transport: TransportName): void {
    if (scope !== null && position !== null && !this.#positions.advance(scope, position)) return

    const name = nameOf(event)
    // A stream of server-sent events has no filter of its own.
    if (transport === "sse" && this.#settings.filter?.admits(name) === false) return

    const info = { name, scope, position }
    for (const handler of this.#subscriptions.handlersFor(name)) {
      callSafely(handler, [event, info], (cause) => this.#failed(new AtrError("handler", `a handler of ${name} has failed: ${String(cause)}`, { cause })))
    }
  }

  #reset(reset: ResetInfo): void {
    if (this.state !== "closed") this.#resets.tell(reset)
  }

  #failed(error: AtrError): void {
    if (this.#errors.any) this.#errors.tell(error)
    else console.error(error)
  }
}

function nameOf(event: unknown): string {
  const name = (event as { name?: unknown } | null)?.name
  return typeof name === "string" ? name : ""
}
