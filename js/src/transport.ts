import type { ClientFrame, ServerFrame } from "./protocol.js"

export type TransportName = "websocket" | "sse"

/** How a connection has ended. */
export interface End {
  /** The server's close code; null when the connection was lost, or never came to be. */
  code: number | null
  /** In one word. */
  reason: string
  /** Milliseconds that the server asks to wait. */
  after?: number
}

/** What a transport tells. After `ended`, and after it was told to close, it says nothing more. */
export interface TransportEvents {
  /** The server has answered, and will say more. */
  opened(): void
  /** Something has come, be it a sign of life and nothing else. */
  heard(): void
  received(frame: ServerFrame): void
  /** Something is wrong that a developer should see. */
  failed(code: "malformed_message" | "transport", message: string, cause?: unknown): void
  ended(end: End): void
}

/** One connection to the server, from its first try to its end. Made anew for each try. */
export interface Transport {
  readonly name: TransportName
  /** Whether the server can be asked for a sign of life. */
  readonly asks: boolean
  send(frame: ClientFrame): void
  /** Ends it without a word to its owner. */
  close(): void
}
