import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { FakeStream } from "../src/testing/index.js"
import { FakePage } from "./support/fake_page.js"
import { EPOCH, OTHER_EPOCH, Session, settled } from "./support/session.js"
import type { SessionOptions } from "./support/session.js"

/** A session without websockets. */
function streaming(options: SessionOptions = {}): Promise<Session> {
  return Session.open({ ...options, client: { WebSocket: null, ...options.client } })
}

const cursor = (session: Session) => session.server.connection.url.searchParams.get("last_event_id")

describe("Server-sent events", () => {
  it("take the place of websockets when three have failed", async () => {
    const session = new Session()
    session.server.breakWebsockets()
    await session.clock.advance(7_000)
    assert.equal(session.client.state, "open")
    assert.equal(session.client.transport, "sse")
    assert.equal(session.server.connection.url.href, "http://live.test/organization/1")
    const position = session.server.publish("organization.1", { name: "post.created" })
    await settled()
    assert.deepEqual(session.events, [{ name: "post.created" }])
    assert.deepEqual(session.details, [{ name: "post.created", scope: "organization.1", position }])
  })

  it("are gone on with as long as they work", async () => {
    const session = new Session()
    session.server.breakWebsockets()
    await session.clock.advance(7_000)
    const { tries } = session.server
    session.server.drop()
    await session.clock.advance(30_000)
    assert.equal(session.client.transport, "sse")
    assert.equal(session.server.tries, tries + 1)
  })

  it("do not when a websocket has worked before", async () => {
    const session = await Session.open()
    session.server.breakWebsockets()
    session.server.drop()
    await session.clock.advance(120_000)
    assert.equal(session.server.connections.length, 1)
    assert.equal(session.client.state, "waiting")
  })

  it("resume by their cursor", async () => {
    const session = await streaming()
    assert.equal(cursor(session), null)
    session.server.publish("organization.1", { name: "before" })
    await settled()
    const { positions } = session.client
    session.server.drop()
    await settled()
    session.server.publish("organization.1", { name: "missed" })
    await session.clock.advance(1_000)
    assert.deepEqual(session.names, ["before", "missed"])
    assert.deepEqual(JSON.parse(cursor(session)!), positions)
    assert.deepEqual(session.resets, [])
  })

  it("begin where the page says, and where websockets have left off", async () => {
    const page = new FakePage({ tags: [`{"städte.1":"${EPOCH}:3"}`] })
    const session = await streaming({ page, server: { answers: false } })
    assert.equal(cursor(session), `{"st\\u00e4dte.1":"${EPOCH}:3"}`)
  })

  it("tell of resets, and of scopes that could not be recovered", async () => {
    const session = await streaming({ server: { answers: false }, client: { positions: { a: `${EPOCH}:7` } } })
    session.server.connection.welcome({ a: { position: `${EPOCH}:2`, recovered: false } })
    session.server.connection.event("a", { name: "x" }, `${EPOCH}:3`)
    session.server.connection.reset("a", `${OTHER_EPOCH}:0`)
    session.server.connection.event("a", { name: "y" }, `${OTHER_EPOCH}:1`)
    await settled()
    assert.deepEqual(session.resets, [{ scope: "a", position: `${EPOCH}:2` }, { scope: "a", position: `${OTHER_EPOCH}:0` }])
    assert.deepEqual(session.names, ["x", "y"])
    assert.deepEqual(session.client.positions, { a: `${OTHER_EPOCH}:1` })
  })

  it("come once, and tell which scope they are of", async () => {
    const session = await streaming({ server: { answers: false }, client: { positions: { a: `${EPOCH}:4` } } })
    session.server.connection.welcome({ a: { position: `${EPOCH}:3`, recovered: true }, b: { position: `${EPOCH}:3`, recovered: null }, c: { position: null, recovered: null } })
    session.server.connection.event("a", { name: "twice" }, `${EPOCH}:4`)
    session.server.connection.event("a", { name: "a" }, `${EPOCH}:5`)
    session.server.connection.event("b", { name: "b" }, `${EPOCH}:4`)
    session.server.connection.event("c", { name: "c" }, null)
    session.server.connection.event("c", { name: "c" }, null)
    await settled()
    assert.deepEqual(session.names, ["a", "b", "c", "c"])
    assert.deepEqual(session.details.map(({ scope, position }) => [scope, position]), [["a", `${EPOCH}:5`], ["b", `${EPOCH}:4`], [null, null], [null, null]])
    assert.deepEqual(session.client.positions, { a: `${EPOCH}:5`, b: `${EPOCH}:4` })
  })

  it("know the scope of an event without a position when there is but one", async () => {
    const session = await streaming({ server: { answers: false } })
    session.server.connection.welcome({ c: { position: null, recovered: null } })
    session.server.connection.event("c", { name: "c" }, null)
    await settled()
    assert.deepEqual(session.details, [{ name: "c", scope: "c", position: null }])
  })

  it("lose nothing of an event with which several positions have moved", async () => {
    const session = await streaming({ server: { answers: false } })
    const stream = session.server.connection as FakeStream
    stream.welcome({ a: { position: `${EPOCH}:1`, recovered: null }, b: { position: `${EPOCH}:1`, recovered: null } })
    stream.sendText(`id: {"a":"${EPOCH}:2","b":"${EPOCH}:2"}\ndata: {"name":"x"}\n\n`)
    stream.sendText(`id: {"a":"${EPOCH}:3","b":"${EPOCH}:2"}\n\n`)
    await settled()
    assert.deepEqual(session.names, ["x"])
    assert.deepEqual(session.client.positions, { a: `${EPOCH}:3`, b: `${EPOCH}:2` })
  })

  it("are filtered by the client, because the server does not", async () => {
    const session = await streaming({ client: { names: ["post.*"] } })
    for (const name of ["post.created", "comment.created", "post.updated"]) session.server.publish("organization.1", { name })
    await settled()
    assert.deepEqual(session.names, ["post.created", "post.updated"])
    assert.match(session.client.positions["organization.1"]!, /:3$/)
  })

  it("show the token, and a new one each time", async () => {
    let count = 0
    const session = await streaming({ client: { token: () => `${++count}` } })
    session.server.drop()
    await session.clock.advance(1_000)
    assert.deepEqual(session.server.connections.map(({ url }) => url.searchParams.get("token")), ["1", "2"])
  })

  it("are left when nothing has come for two ping intervals", async () => {
    const session = await streaming({ server: { pingInterval: 1_000 } })
    for (let count = 0; count < 5; count++) {
      await session.clock.advance(1_000)
      session.server.connection.ping()
      await settled()
    }
    assert.equal(session.client.state, "open")
    const { connection } = session.server
    await session.clock.advance(2_000)
    assert.equal(session.infos.at(-1)!.reason, "silent")
    assert.equal(connection.open, false)
  })

  it("are connected anew when they are late and somebody looks at the page", async () => {
    const page = new FakePage()
    const session = await streaming({ page, server: { pingInterval: 10_000 } })
    page.show()
    assert.equal(session.client.state, "open")
    await session.clock.advance(13_000)
    page.show()
    assert.equal(session.client.state, "waiting")
  })

  it("end when the client is closed", async () => {
    const session = await streaming()
    const { connection } = session.server
    session.client.close()
    await settled()
    assert.equal(connection.open, false)
    assert.deepEqual(session.states, ["connecting", "open", "closed"])
    assert.equal(session.clock.pending, 0)
  })

  it("end in the middle of what has come when a handler closes the client", async () => {
    const session = await streaming({ server: { answers: false } })
    session.client.on("last", () => session.client.close())
    const stream = session.server.connection as FakeStream
    stream.welcome({ a: { position: null, recovered: null } })
    stream.sendText('data: {"name":"last"}\n\ndata: {"name":"too late"}\n\n')
    await settled()
    assert.deepEqual(session.names, ["last"])
  })

  it("wait as a goodbye asks for, and stay away when it says so", async () => {
    const session = await streaming()
    session.server.connection.disconnect("restart", { after: 5_000 })
    session.server.connection.close()
    await settled()
    assert.deepEqual(session.infos.at(-1), { delay: 5_000, code: null, reason: "restart" })
    await session.clock.advance(5_000)
    session.server.connection.disconnect("elsewhere", { reconnect: false })
    session.server.connection.close()
    await settled()
    assert.deepEqual(session.infos.at(-1), { delay: null, code: null, reason: "elsewhere" })
  })

  it("stay away when the app has said no", async () => {
    for (const [code, reason] of [[4401, "unauthorized"], [4403, "forbidden"]] as const) {
      const session = new Session({ client: { WebSocket: null } })
      session.server.refuse(code)
      await session.clock.advance(60_000)
      assert.deepEqual(session.infos.at(-1), { delay: null, code, reason })
      assert.equal(session.server.tries, 1)
    }
  })

  it("come back after other refusals, when the server says", async () => {
    const signals: AbortSignal[] = []
    let answer = new Response("", { status: 503, headers: { "Retry-After": "12" } })
    const session = new Session({ client: { WebSocket: null, fetch: (_, { signal }) => (signals.push(signal!), Promise.resolve(answer)) } })
    await settled()
    assert.deepEqual(session.infos.at(-1), { delay: 12_000, code: null, reason: "http_503" })
    assert.equal(signals[0]!.aborted, true, "nobody reads the rest of the answer")
    answer = new Response("", { status: 404, headers: { "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT" } })
    await session.clock.advance(12_000)
    assert.deepEqual(session.infos.at(-1), { delay: 2_000, code: null, reason: "http_404" })
    assert.deepEqual(session.errors, [])
  })

  it("are told to be none when something else comes", async () => {
    const answer = new Response("<h1>Please sign in</h1>", { headers: { "Content-Type": "text/html" } })
    const session = new Session({ client: { WebSocket: null, fetch: () => Promise.resolve(answer) } })
    await settled()
    assert.deepEqual(session.errors.map(({ code, message }) => [code, message]), [["transport", "no text/event-stream came, but text/html"]])
    assert.equal(session.infos.at(-1)!.reason, "protocol")
  })

  it("are told to be malformed, and go on", async () => {
    const session = await streaming()
    const stream = session.server.connection as FakeStream
    stream.sendText("data: {\n\n")
    stream.sendText("event: reset\ndata: []\n\n")
    stream.sendText('id: 7\ndata: {"name":"of no position"}\n\n')
    stream.sendText('event: later\ndata: {"x":1}\n\n')
    session.server.publish("organization.1", { name: "x" })
    await settled()
    assert.deepEqual(session.errors.map(({ code }) => code), ["malformed_message", "malformed_message", "malformed_message"])
    assert.deepEqual(session.names, ["of no position", "x"])
  })

  it("are read wherever the network has cut them, be it within a character", async () => {
    const bytes = new TextEncoder().encode('event: welcome\ndata: {}\n\ndata: {"name":"städte 😀"}\n\n')
    const body = new ReadableStream<Uint8Array>({ start: (controller) => bytes.forEach((_, at) => controller.enqueue(bytes.slice(at, at + 1))) })
    const answer = new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } })
    const session = new Session({ client: { WebSocket: null, fetch: () => Promise.resolve(answer) } })
    await settled()
    assert.deepEqual(session.names, ["städte 😀"])
    assert.deepEqual(session.errors, [])
  })

  it("are asked for with cookies, and as what they are", async () => {
    const requests: RequestInit[] = []
    const session = new Session({ client: { WebSocket: null, fetch: (_, init) => (requests.push(init), Promise.reject(new TypeError("fetch failed"))) } })
    await settled()
    const { headers, credentials, cache } = requests[0]!
    assert.deepEqual({ headers, credentials, cache }, { headers: { Accept: "text/event-stream" }, credentials: "include", cache: "no-store" })
    assert.deepEqual(session.infos.at(-1), { delay: 1_000, code: null, reason: "lost" })
  })
})
