/** For the tests of whoever uses the client: a server in the same process, and a clock that stands still. */
export { FakeClock, settled } from "./fake_clock.js"
export { FakeConnection } from "./fake_connection.js"
export type { FakeScopeState } from "./fake_connection.js"
export { FakeServer } from "./fake_server.js"
export type { FakeServerOptions, Refusal } from "./fake_server.js"
export { FakeStream } from "./fake_stream.js"
export { FakeWebSocket, FakeWebSocketConnection } from "./fake_websocket.js"
