import type { Clock } from "./clock.js"
import { systemClock } from "./clock.js"
import { NameFilter } from "./name_pattern.js"
import type { Fetch } from "./sse_transport.js"
import type { WebSocketClass } from "./websocket_transport.js"

export type Token = string | null | undefined

/** What `connect` takes. All of it may be left out. */
export interface Options {
  /** Shown to the server as the query parameter `token`. A function is asked anew before each try. */
  token?: Token | (() => Token | Promise<Token>)
  /** Where to begin, by scope. By default what `atr_positions_tag` has put into the page. */
  positions?: Record<string, string>
  /** Which events to get: names, or prefixes and `*`. By default all. */
  names?: string[]
  /** In the place of the global one; null: no websockets. */
  WebSocket?: WebSocketClass | null
  /** In the place of the global one; null: no server-sent events. */
  fetch?: Fetch | null
  /** Milliseconds that the server may take to answer a connection: 10,000. */
  connectTimeout?: number
  /** The longest wait after the first failure, in milliseconds: 1,000. It doubles with each. */
  firstDelay?: number
  /** The longest wait at all, in milliseconds: 30,000. */
  longestDelay?: number
  /** For tests: time and timers. */
  clock?: Clock
  /** For tests: gives a number from 0 to 1. */
  random?: () => number
}

/** The options with their defaults, checked. */
export interface Settings {
  token: () => Token | Promise<Token>
  filter: NameFilter | null
  WebSocket: WebSocketClass | null
  fetch: Fetch | null
  connectTimeout: number
  firstDelay: number
  longestDelay: number
  clock: Clock
  random: () => number
}

/** @throws TypeError for what cannot be meant, Error where there is nothing to connect with */
export function settle(options: Options): Settings {
  const { token } = options
  const settings: Settings = {
    token: typeof token === "function" ? token : () => token,
    filter: options.names === undefined ? null : new NameFilter(options.names),
    WebSocket: options.WebSocket === undefined ? ((globalThis.WebSocket as WebSocketClass | undefined) ?? null) : options.WebSocket,
    // Bound, because `fetch` of a window does not work as the method of something else.
    fetch: options.fetch === undefined ? (globalThis.fetch?.bind(globalThis) ?? null) : options.fetch,
    connectTimeout: options.connectTimeout ?? 10_000,
    firstDelay: options.firstDelay ?? 1_000,
    longestDelay: options.longestDelay ?? 30_000,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  }
  if (!settings.WebSocket && !settings.fetch) throw new Error("atr: there is neither WebSocket nor fetch to connect with")
  return settings
}
