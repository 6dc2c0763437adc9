import type { Hello } from "../protocol.js"
import { FakeConnection } from "./fake_connection.js"

/** The server's end of an answer of server-sent events. */
export class FakeStream extends FakeConnection {
  readonly transport = "sse"
  readonly response: Response
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #open = true
  #cursor: Record<string, string> = {}

  constructor(url: string, signal: AbortSignal | null | undefined) {
    super(url)
    const cursor = this.url.searchParams.get("last_event_id")
    const hello: Hello = { type: "hello", ...(cursor !== null && { positions: JSON.parse(cursor) as Record<string, string> }) }
    this.frames.push(hello)
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#controller = controller) })
    this.response = new Response(body, { headers: { "Content-Type": "text/event-stream" } })
    signal?.addEventListener("abort", () => {
      this.closedWith = this.#open ? 1000 : null
      this.#end((controller) => controller.error(signal.reason))
    })
  }

  override send(frame: Record<string, unknown>): void {
    const { type, scope, position, scopes } = frame
    if (type === "welcome") this.#follow(Object.entries(scopes as Record<string, { position: string | null }>))
    else this.#follow([[scope, { position }]] as [string, { position: string | null }][])
    const id = JSON.stringify(this.#cursor)
    if (type === "event") this.sendText(`id: ${id}\ndata: ${JSON.stringify(frame.event)}\n\n`)
    else if (type === "ping") this.sendText(":\n\n")
    else this.sendText(`event: ${String(type)}\nid: ${id}\ndata: ${JSON.stringify(frame)}\n\n`)
  }

  /** Sends what may be no message at all. */
  sendText(text: string): void {
    if (this.#open) this.#controller.enqueue(new TextEncoder().encode(text))
  }

  override close(): void {
    this.#end((controller) => controller.close())
  }

  override drop(): void {
    this.#end((controller) => controller.error(new TypeError("network error")))
  }

  protected override isOpen(): boolean {
    return this.#open
  }

  #follow(states: [string, { position: string | null }][]): void {
    for (const [scope, { position }] of states) if (typeof position === "string") this.#cursor[scope] = position
  }

  #end(how: (controller: ReadableStreamDefaultController<Uint8Array>) => void): void {
    if (!this.#open) return
    this.#open = false
    this.welcomed = false
    how(this.#controller)
  }
}
