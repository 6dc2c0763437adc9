import { Cursor } from "./cursor.js"

const WEBSOCKET_SCHEMES: Record<string, string> = { "http:": "ws:", "https:": "wss:" }
const STREAM_SCHEMES: Record<string, string> = { "ws:": "http:", "wss:": "https:" }

/** Where the server is, for either transport. */
export class Address {
  readonly #url: URL

  /**
   * @param url absolute or relative, with any of the schemes http, https, ws and wss
   * @param base what it is relative to
   * @throws TypeError
   */
  constructor(url: string | URL, base: string | undefined) {
    try {
      this.#url = new URL(url, base)
    } catch {
      throw new TypeError(`atr: ${url} is no address${base === undefined ? ", and there is no page that it could be relative to" : ""}`)
    }
    if (!/^(?:http|ws)s?:$/.test(this.#url.protocol)) throw new TypeError(`atr: the scheme of ${url} is none of ws, wss, http and https`)
    this.#url.hash = ""
  }

  websocket(token: string | null): string {
    return this.#with(WEBSOCKET_SCHEMES, token).href
  }

  /** @param positions where the stream is to begin */
  stream(token: string | null, positions: Record<string, string>): string {
    const url = this.#with(STREAM_SCHEMES, token)
    if (Object.keys(positions).length > 0) url.searchParams.set("last_event_id", Cursor.write(positions))
    return url.href
  }

  #with(schemes: Record<string, string>, token: string | null): URL {
    const url = new URL(this.#url)
    url.protocol = schemes[url.protocol] ?? url.protocol
    if (token !== null) url.searchParams.set("token", token)
    return url
  }
}
