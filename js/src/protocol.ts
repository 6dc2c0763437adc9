/** The protocol `atr.v1`, as docs/protocol.md has it: its frames, and how what comes is read. */
export const SUBPROTOCOL = "atr.v1"

/** What the server takes for granted until its `welcome` says better. */
export const DEFAULT_PING_INTERVAL_MS = 25_000

/** Close codes after which the same would happen again. */
const FINAL_CODES = new Set([1002, 1007, 1009, 4400, 4401, 4403])

export function isFinal(code: number | null): boolean {
  return code !== null && FINAL_CODES.has(code)
}

export interface Hello {
  type: "hello"
  positions?: Record<string, string>
  names?: string[]
}

export type ClientFrame = Hello | { type: "ping" } | { type: "pong" }

export interface WelcomedScope {
  position: string | null
  recovered: boolean | null
}

export interface Welcome {
  type: "welcome"
  session: string | null
  clientKey: string | null
  pingInterval: number
  scopes: [scope: string, state: WelcomedScope][]
}

/** `scope` is null where the transport cannot tell: server-sent events of a scope without a log. */
export interface EventFrame {
  type: "event"
  scope: string | null
  position: string | null
  event: unknown
}

export interface Reset {
  type: "reset"
  scope: string
  position: string | null
}

export interface Ping {
  type: "ping"
  positions: [scope: string, position: string][]
}

export interface ErrorFrame {
  type: "error"
  code: string
  message: string
  help: string | null
}

export interface Disconnect {
  type: "disconnect"
  reason: string
  reconnect: boolean
  /** Milliseconds. */
  after: number
}

export type ServerFrame = Welcome | EventFrame | Reset | Ping | { type: "pong" } | ErrorFrame | Disconnect

export class MalformedFrame extends Error {}

/**
 * Reads a frame.
 * @returns null for one of a type that this client does not know: a later server may say more
 * @throws MalformedFrame
 */
export function parseFrame(text: unknown): ServerFrame | null {
  if (typeof text !== "string") throw new MalformedFrame("a frame is not text")
  return readFrame(parseObject(text))
}

/** Reads a frame that says by other means of what type it is. */
export function parseFrameOf(type: string, text: string): ServerFrame | null {
  return readFrame({ ...parseObject(text), type })
}

type Members = Record<string, unknown>

function readFrame(members: Members): ServerFrame | null {
  switch (members.type) {
    case "event":
      if (!("event" in members)) throw new MalformedFrame("an event frame has no event")
      return { type: "event", scope: text(members, "scope"), position: position(members), event: members.event }
    case "ping":
      return { type: "ping", positions: pairs(members.positions).filter((pair): pair is [string, string] => typeof pair[1] === "string") }
    case "pong":
      return { type: "pong" }
    case "welcome":
      return {
        type: "welcome",
        session: optionalText(members.session),
        clientKey: optionalText(members.client_key),
        pingInterval: positive(members.ping_interval) ?? DEFAULT_PING_INTERVAL_MS,
        scopes: pairs(members.scopes).map(([scope, state]) => [scope, welcomedScope(scope, state)]),
      }
    case "reset":
      return { type: "reset", scope: text(members, "scope"), position: position(members) }
    case "error":
      return { type: "error", code: text(members, "code"), message: optionalText(members.message) ?? "", help: optionalText(members.help) }
    case "disconnect":
      return {
        type: "disconnect",
        reason: optionalText(members.reason) ?? "",
        // Whoever does not say that it is for good may be asked again.
        reconnect: members.reconnect !== false,
        after: positive(members.after) ?? 0,
      }
    default:
      return null
  }
}

function welcomedScope(scope: string, state: unknown): WelcomedScope {
  if (!isObject(state)) throw new MalformedFrame(`the welcome says nothing of ${scope}`)
  return { position: position(state), recovered: typeof state.recovered === "boolean" ? state.recovered : null }
}

export function parseObject(json: string): Members {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new MalformedFrame("a frame is no JSON")
  }
  if (!isObject(value)) throw new MalformedFrame("a frame is no JSON object")
  return value
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function pairs(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : []
}

function text(members: Members, name: string): string {
  const value = members[name]
  if (typeof value !== "string") throw new MalformedFrame(`a frame ${String(members.type)} has no ${name}`)
  return value
}

function optionalText(value: unknown): string | null {
  return typeof value === "string" ? value : null
}

function position(members: Members): string | null {
  return optionalText(members.position)
}

function positive(value: unknown): number | null {
  return Number.isFinite(value) && (value as number) > 0 ? (value as number) : null
}
