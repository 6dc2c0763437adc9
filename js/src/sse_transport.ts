import { Cursor } from "./cursor.js"
import type { Change } from "./cursor.js"
import { EventStream } from "./event_stream.js"
import type { StreamMessage } from "./event_stream.js"
import { MalformedFrame, parseFrameOf } from "./protocol.js"
import type { ServerFrame } from "./protocol.js"
import type { End, Transport, TransportEvents } from "./transport.js"

/** What is needed of `fetch`. */
export type Fetch = (url: string, options: RequestInit) => Promise<Response>

const CONTENT_TYPE = "text/event-stream"

/**
 * Reads server-sent events, for networks that break websockets. With `fetch`, because an EventSource shows neither the status of a
 * refusal nor the comments by which a living connection is told from a dead one, and comes back at times of its own.
 */
export class SseTransport implements Transport {
  readonly name = "sse"
  readonly asks = false
  readonly #events: TransportEvents
  readonly #abort = new AbortController()
  readonly #cursor = new Cursor()
  /** Those of the welcome. */
  #scopes: string[] = []

  constructor(fetch: Fetch, url: string, events: TransportEvents) {
    this.#events = events
    void this.#run(fetch, url)
  }

  /** A stream goes one way. */
  send(): void {}

  close(): void {
    this.#abort.abort()
  }

  async #run(fetch: Fetch, url: string): Promise<void> {
    const end = await this.#read(fetch, url).catch((): End => ({ code: null, reason: "lost" }))
    if (this.#abort.signal.aborted) return

    // The rest of an answer that was not read to its end.
    this.close()
    this.#events.ended(end)
  }

  async #read(fetch: Fetch, url: string): Promise<End> {
    const response = await fetch(url, {
      headers: { Accept: CONTENT_TYPE },
      // The app's cookies, as a websocket would bring them: atr_server is often another port of the app's host.
      credentials: "include",
      cache: "no-store",
      signal: this.#abort.signal,
    })
    if (this.#abort.signal.aborted) return { code: null, reason: "lost" }
    if (!response.ok) return refusal(response)
    if (!response.body || !response.headers.get("content-type")?.startsWith(CONTENT_TYPE)) {
      this.#events.failed("transport", `no ${CONTENT_TYPE} came, but ${response.headers.get("content-type")}`)
      return { code: null, reason: "protocol" }
    }
    this.#events.opened()
    return this.#follow(response.body.getReader())
  }

  async #follow(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<End> {
    const decoder = new TextDecoder()
    const stream = new EventStream((message) => this.#message(message))
    for (;;) {
      const { done, value } = await reader.read()
      if (done || this.#abort.signal.aborted) return { code: null, reason: "lost" }
      this.#events.heard()
      stream.push(decoder.decode(value, { stream: true }))
    }
  }

  #message(message: StreamMessage): void {
    // The messages of one piece that came before the close have been told; those after it are nobody's.
    if (this.#abort.signal.aborted) return

    // An event is not lost for the sake of its id.
    const changes = this.#sound(() => this.#cursor.move(message.id))
    for (const frame of this.#sound(() => this.#frames(message, changes))) this.#events.received(frame)
  }

  #sound<Result>(read: () => Result[]): Result[] {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#events.failed("malformed_message", error.message, error)
      return []
    }
  }

  #frames({ name, data }: StreamMessage, changes: Change[]): ServerFrame[] {
    if (data === null) return changes.length > 0 ? [{ type: "ping", positions: changes }] : []
    if (name === "") return this.#event(data, changes)

    const frame = parseFrameOf(name, data)
    if (frame?.type === "welcome") this.#scopes = frame.scopes.map(([scope]) => scope)
    return frame ? [frame] : []
  }

  #event(data: string, changes: Change[]): ServerFrame[] {
    const event = parseJson(data)
    const [change, ...others] = changes
    if (change && others.length === 0) return [{ type: "event", scope: change[0], position: change[1], event }]

    // Of a scope without a log, whose events do not move the cursor; or, if positions without an event have moved with it, of any.
    const scope = this.#scopes.length === 1 ? this.#scopes[0]! : null
    const frame: ServerFrame = { type: "event", scope, position: null, event }
    return changes.length > 0 ? [frame, { type: "ping", positions: changes }] : [frame]
  }
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    throw new MalformedFrame("an event is no JSON")
  }
}

/** The close codes by which websockets are refused with the same meaning. */
const REFUSALS: Record<number, End> = {
  401: { code: 4401, reason: "unauthorized" },
  403: { code: 4403, reason: "forbidden" },
}

function refusal(response: Response): End {
  const seconds = Number(response.headers.get("retry-after"))
  const end = REFUSALS[response.status] ?? { code: null, reason: `http_${response.status}` }
  return seconds > 0 ? { ...end, after: seconds * 1000 } : end
}
