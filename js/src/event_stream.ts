/** One message of a stream of server-sent events. */
export interface StreamMessage {
  /** "" is an ordinary message. */
  name: string
  /** As often as there was a line of data, joined by line feeds; null without any. */
  data: string | null
  /** The last id so far, in this message or before. */
  id: string
}

/** Cuts the text of a `text/event-stream` into messages, as the HTML standard says. */
export class EventStream {
  readonly #received: (message: StreamMessage) => void
  #rest = ""
  #name = ""
  #data: string[] = []
  #id = ""

  constructor(received: (message: StreamMessage) => void) {
    this.#received = received
  }

  /** @param text what has come, cut anywhere */
  push(text: string): void {
    this.#rest += text
    // A carriage return at the very end may be the first half of a line's end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ""
    for (const line of lines) this.#line(line)
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch()
    const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) as unknown as [string, string, string | undefined]
    if (field === "event") this.#name = value ?? ""
    else if (field === "data") this.#data.push(value ?? "")
    else if (field === "id" && !value?.includes("\0")) this.#id = value ?? ""
    // "" begins a comment, `retry` is for those who leave it to the browser to come back.
  }

  #dispatch(): void {
    const [name, data] = [this.#name, this.#data]
    this.#name = ""
    this.#data = []
    this.#received({ name: name === "message" ? "" : name, data: data.length === 0 ? null : data.join("\n"), id: this.#id })
  }
}
