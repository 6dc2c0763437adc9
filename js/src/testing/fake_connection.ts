import { NameFilter } from "../name_pattern.js"
import type { ClientFrame, Hello } from "../protocol.js"
import type { TransportName } from "../transport.js"

/** What a welcome says of a scope. */
export interface FakeScopeState {
  position: string | null
  recovered: boolean | null
}

/** The server's end of one connection to a `FakeServer`: what has come from the client, and what is to be sent to it. */
export abstract class FakeConnection {
  abstract readonly transport: TransportName
  /** Where the client has connected to, with the query. */
  readonly url: URL
  /** What the client has sent, in order. */
  readonly frames: ClientFrame[] = []
  /** Whether the client gets events: it was welcomed, and is still there. */
  welcomed = false
  /** The close code of the client, when it has closed. */
  closedWith: number | null = null
  #filter: NameFilter | null = null

  constructor(url: string) {
    this.url = new URL(url)
  }

  /** What the client has said first. Of server-sent events it is what the address says. */
  get hello(): Hello | null {
    return this.frames.find((frame): frame is Hello => frame.type === "hello") ?? null
  }

  get open(): boolean {
    return this.isOpen()
  }

  /** Sends a welcome. */
  welcome(scopes: Record<string, FakeScopeState>, { pingInterval = 25_000, clientKey = null as string | null } = {}): void {
    this.welcomed = true
    if (this.hello?.names) this.#filter = new NameFilter(this.hello.names)
    const members = { session: "c5b0f3a1e2d4978a", client_key: clientKey, ping_interval: pingInterval, scopes, ignored: [] }
    this.send({ type: "welcome", ...members })
  }

  /** Sends an event, unless the client's filter holds it back. */
  event(scope: string, event: unknown, position: string | null = null): void {
    const name = (event as { name?: unknown } | null)?.name
    if (this.#filter && typeof name === "string" && !this.#filter.admits(name)) return
    this.send({ type: "event", scope, position, event })
  }

  reset(scope: string, position: string | null = null): void {
    this.send({ type: "reset", scope, position })
  }

  /** @param positions those that have moved without an event for this client */
  ping(positions?: Record<string, string>): void {
    this.send({ type: "ping", ...(positions && { positions }) })
  }

  error(code: string, message: string, help: string | null = null): void {
    this.send({ type: "error", code, message, help })
  }

  disconnect(reason: string, { reconnect = true, after = 0 } = {}): void {
    this.send({ type: "disconnect", reason, reconnect, after })
  }

  /** Sends a frame of any form. */
  abstract send(frame: Record<string, unknown>): void

  /** Closes with a code, as the server does. Of server-sent events the answer ends. */
  abstract close(code?: number, reason?: string): void

  /** Breaks it, as a network does. */
  abstract drop(): void

  protected abstract isOpen(): boolean
}
