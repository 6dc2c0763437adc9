import { Client } from "./client.js"
import type { Options } from "./options.js"

/**
 * Connects to `atr_server`, and stays connected.
 *
 *     const client = connect("wss://live.example.com/organization/1")
 *     client.on("post.*", (event) => show(event.record))
 *     client.onReset(() => location.reload())
 *
 * @param url of the server, with the path that the app's classes decide by; relative to the page
 * @throws TypeError for what cannot be meant
 */
export function connect(url: string | URL = "/", options: Options = {}): Client {
  return new Client(url, options)
}

export { AtrError } from "./errors.js"
export type { AtrEvent, Client, EventInfo, Handler, ResetInfo } from "./client.js"
export type { Clock } from "./clock.js"
export type { State, StateInfo } from "./connection.js"
export type { Options, Token } from "./options.js"
export type { Fetch } from "./sse_transport.js"
export type { TransportName } from "./transport.js"
export type { WebSocketClass, WebSocketLike } from "./websocket_transport.js"
