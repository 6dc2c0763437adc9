import { AtrError } from "./errors.js"

/** What there is around the client; in a worker or in Node much of it is missing. */
export interface Surroundings {
  document?: Document | undefined
  location?: Location | undefined
  addEventListener?: typeof addEventListener | undefined
  removeEventListener?: typeof removeEventListener | undefined
}

/** The page that the client runs in, if it runs in one: its address, its positions, and when somebody looks at it again. */
export class Page {
  readonly #globals: Surroundings

  constructor(globals: Surroundings = globalThis as Surroundings) {
    this.#globals = globals
  }

  /** @returns what relative addresses are relative to */
  get base(): string | undefined {
    return this.#globals.document?.baseURI ?? this.#globals.location?.href
  }

  /**
   * Reads `<meta name="atr-positions">`. Of several tags with the same scope the first counts: its position is the older one.
   * @throws AtrError
   */
  positions(): Record<string, unknown> {
    const tags = this.#globals.document?.querySelectorAll('meta[name="atr-positions"]') ?? []
    return Object.assign({}, ...Array.from(tags, (tag) => parse(tag.getAttribute("content") ?? "")).reverse())
  }

  /**
   * @param woken called when the network is back, and when the page is seen again
   * @returns a function that ends it
   */
  onWake(woken: (what: "online" | "visible") => void): () => void {
    const { document } = this.#globals
    const online = () => woken("online")
    const visible = () => {
      if (document?.visibilityState === "visible") woken("visible")
    }
    this.#globals.addEventListener?.("online", online)
    document?.addEventListener("visibilitychange", visible)
    return () => {
      this.#globals.removeEventListener?.("online", online)
      document?.removeEventListener("visibilitychange", visible)
    }
  }
}

function parse(content: string): object {
  try {
    const value: unknown = JSON.parse(content)
    if (typeof value === "object" && value !== null) return value
  } catch {
    // Said below.
  }
  throw new AtrError("malformed_position", `the content of meta[name="atr-positions"] is no JSON object: ${content}`)
}
