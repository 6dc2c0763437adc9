import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { FakeWebSocketConnection } from "../src/testing/index.js"
import { FakePage } from "./support/fake_page.js"
import { Session, settled } from "./support/session.js"

describe("A lost connection", () => {
  it("is tried again, with ever longer waits", async () => {
    const { server, clock, states, delays, infos } = await Session.open({ client: { fetch: null } })
    server.refuse()
    server.drop()
    await clock.advance(120_000)
    assert.deepEqual(delays.slice(0, 7), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    assert.deepEqual(states.slice(0, 6), ["connecting", "open", "waiting", "connecting", "waiting", "connecting"])
    assert.deepEqual(infos[2], { delay: 1_000, code: null, reason: "lost" })
    server.accept()
    await clock.advance(30_000)
    assert.equal(states.at(-1), "open")
  })

  it("is waited for as chance will have it", async () => {
    const numbers = [0.25, 0, 0.75]
    const { server, clock, delays } = await Session.open({ client: { fetch: null, random: () => numbers.shift() ?? 1 } })
    server.refuse()
    server.drop()
    await clock.advance(3_000)
    assert.deepEqual(delays.slice(0, 3), [250, 0, 3_000])
  })

  it("begins with short waits again when it has lasted, but not when it breaks each time as soon as it is made", async () => {
    const { server, clock, delays } = await Session.open()
    for (const lasted of [0, 0, 4_999, 5_000, 0]) {
      await clock.advance(lasted)
      server.drop()
      await clock.advance(delays.at(-1)!)
    }
    assert.deepEqual(delays, [1_000, 2_000, 4_000, 1_000, 2_000])
  })

  it("is tried after each of the codes that allow it, and after none of the others", async () => {
    const outcome = async (code: number) => {
      const { client, server, clock } = await Session.open()
      server.connection.close(code, "why")
      await clock.advance(1_000)
      return [client.state, server.connections.length].join(" ")
    }
    for (const code of [1000, 1001, 1011, 1012, 4008, 4408, 4500, 4503]) assert.equal(await outcome(code), "open 2", `${code}`)
    for (const code of [1002, 1007, 1009, 4400, 4401, 4403]) assert.equal(await outcome(code), "closed 1", `${code}`)
  })

  it("is not tried when the client was closed meanwhile", async () => {
    const { client, server, clock, states } = await Session.open()
    server.drop()
    client.close()
    client.close()
    await clock.advance(120_000)
    assert.deepEqual(states, ["connecting", "open", "waiting", "closed"])
    assert.equal(server.tries, 1)
    assert.equal(clock.pending, 0)
  })
})

describe("A server that says goodbye", () => {
  it("is waited for as long as it asks", async () => {
    const { server, clock, states, infos, client } = await Session.open()
    server.connection.disconnect("restart", { after: 7_300 })
    assert.equal(client.state, "open")
    server.connection.close(1012, "restart")
    assert.deepEqual(infos.at(-1), { delay: 7_300, code: 1012, reason: "restart" })
    await clock.advance(7_299)
    assert.equal(states.at(-1), "waiting")
    await clock.advance(1)
    assert.equal(states.at(-1), "open")
  })

  it("is waited for longer when it is chance that says so", async () => {
    const { server, delays } = await Session.open()
    server.connection.disconnect("restart", { after: 730 })
    server.connection.close(1012)
    assert.deepEqual(delays, [1_000])
  })

  it("is left for good when it says so, whatever the code, or without one", async () => {
    for (const code of [1012, null]) {
      const { client, server, clock, infos } = await Session.open()
      server.connection.disconnect("elsewhere", { reconnect: false })
      if (code) server.connection.close(code)
      await clock.advance(2_000)
      assert.equal(client.state, "closed")
      assert.deepEqual(infos.at(-1), { delay: null, code, reason: "elsewhere" })
      assert.equal(clock.pending, 0)
    }
  })

  it("is left when it does not close after it has said so", async () => {
    const { server, clock, states } = await Session.open()
    const { connection } = server
    connection.disconnect("restart", { after: 10 })
    await clock.advance(1_999)
    assert.equal(states.at(-1), "open")
    await clock.advance(1)
    assert.equal(states.at(-1), "waiting")
    assert.equal(connection.closedWith, 1000)
    await clock.advance(1_000)
    assert.equal(states.at(-1), "open")
  })

  it("is believed once", async () => {
    const { server, clock, delays } = await Session.open()
    server.connection.disconnect("restart", { after: 20_000 })
    server.connection.close(1012)
    await clock.advance(20_000)
    server.drop()
    assert.deepEqual(delays, [20_000, 2_000])
  })
})

describe("A server that refuses", () => {
  it("is not asked again when the app has said no", async () => {
    for (const code of [4401, 4403]) {
      const session = new Session()
      session.server.refuse(code)
      await session.clock.advance(60_000)
      assert.deepEqual(session.states, ["connecting", "closed"])
      assert.deepEqual(session.infos.at(-1), { delay: null, code, reason: "refused" })
      assert.equal(session.server.tries, 1)
    }
  })

  it("is asked again when it is busy, and over a websocket, because one has answered", async () => {
    const session = new Session()
    session.server.refuse(4503)
    await session.clock.advance(100_000)
    assert.ok(session.server.tries > 5)
    session.server.accept()
    await session.clock.advance(30_000)
    assert.equal(session.client.transport, "websocket")
  })
})

describe("A server that is silent", () => {
  it("is answered when it pings, and kept", async () => {
    const { client, server, clock } = await Session.open({ server: { pingInterval: 1_000 } })
    for (let count = 0; count < 10; count++) {
      await clock.advance(1_000)
      server.connection.ping()
    }
    assert.equal(client.state, "open")
    assert.deepEqual(server.connection.frames.slice(1), Array.from({ length: 10 }, () => ({ type: "pong" })))
  })

  it("is asked, and kept when it answers", async () => {
    const { client, server, clock } = await Session.open({ server: { pingInterval: 1_000 } })
    await clock.advance(10_000)
    assert.equal(client.state, "open")
    assert.ok(server.connection.frames.filter((frame) => frame.type === "ping").length >= 7)
  })

  it("is left after two ping intervals", async () => {
    const { server, clock, states, infos } = await Session.open({ server: { answers: false } })
    server.connection.welcome({}, { pingInterval: 1_000 })
    await clock.advance(1_999)
    assert.equal(states.at(-1), "open")
    await clock.advance(1)
    assert.deepEqual([states.at(-1), infos.at(-1)!.reason], ["waiting", "silent"])
    assert.equal(server.connection.closedWith, 1000)
  })

  it("is given its time to answer a connection, and no more", async () => {
    // A server that accepts and says nothing, as a full backlog does.
    const silent = new Session({ client: { fetch: null, connectTimeout: 3_000, WebSocket: class {
      readonly protocol = ""
      readonly readyState = 0
      onopen = null
      onmessage = null
      onerror = null
      onclose = null
      send() {}
      close() {}
    } } })
    await silent.clock.advance(2_999)
    assert.deepEqual(silent.states, ["connecting"])
    await silent.clock.advance(1)
    assert.deepEqual(silent.infos.at(-1), { delay: 1_000, code: null, reason: "timeout" })
  })

  it("may take long to welcome, if only it lives", async () => {
    const { client, server, clock } = await Session.open({ server: { answers: false } })
    for (let count = 0; count < 8; count++) {
      await clock.advance(10_000)
      server.connection.send({ type: "pong" })
      assert.equal(client.state, "connecting")
    }
    server.connection.welcome({})
    assert.equal(client.state, "open")
    assert.equal(server.tries, 1)
  })

  it("is asked early when there is no welcome, and left when nothing comes", async () => {
    const { server, clock, infos, states } = await Session.open({ server: { answers: false } })
    await clock.advance(10_000)
    assert.deepEqual(server.connection.frames, [{ type: "hello" }, { type: "ping" }])
    await clock.advance(4_999)
    assert.deepEqual(states, ["connecting"])
    await clock.advance(1)
    assert.equal(infos.at(-1)!.reason, "silent")
  })
})

describe("A page", () => {
  it("tries at once when the network is back, or somebody looks at it again", async () => {
    for (const wake of ["goOnline", "show"] as const) {
      const page = new FakePage()
      const { client, server, clock } = await Session.open({ page })
      server.refuse()
      server.drop()
      await clock.advance(31_000)
      server.accept()
      page.hide()
      await settled()
      assert.equal(client.state, "waiting")
      page[wake]()
      await settled()
      assert.equal(client.state, "open", wake)
    }
  })

  it("has short waits before it again when the network is back sooner than it works", async () => {
    const page = new FakePage()
    const { server, clock, delays } = await Session.open({ page, client: { fetch: null } })
    server.refuse()
    server.drop()
    await clock.advance(31_000)
    page.goOnline()
    await settled()
    assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 1_000])
  })

  it("waits all the same as long as the server has asked", async () => {
    const page = new FakePage()
    const { client, server, clock } = await Session.open({ page, client: { random: () => 1, firstDelay: 20_000 } })
    server.connection.disconnect("busy", { after: 5_000 })
    server.connection.close(4503)
    page.goOnline()
    await clock.advance(4_999)
    assert.equal(client.state, "waiting")
    page.show()
    await clock.advance(1)
    assert.equal(client.state, "open")
  })

  it("asks for a sign of life when somebody looks at it again, and connects anew when none comes", async () => {
    for (const wake of ["goOnline", "show"] as const) {
      const page = new FakePage()
      const { client, server, clock } = await Session.open({ page, server: { answers: false } })
      server.connection.welcome({})
      page[wake]()
      assert.deepEqual(server.connection.frames.at(-1), { type: "ping" })
      await clock.advance(4_999)
      assert.equal(client.state, "open")
      await clock.advance(1)
      assert.equal(client.state, "waiting", wake)
    }
  })

  it("is let go of by a client that is closed", async () => {
    const page = new FakePage()
    const { client, server } = await Session.open({ page })
    client.close()
    page.goOnline()
    page.show()
    await settled()
    assert.equal(client.state, "closed")
    assert.equal(server.tries, 1)
  })
})

describe("The token", () => {
  const tokens = (session: Session) => session.server.connections.map(({ url }) => url.searchParams.get("token"))

  it("is asked for anew before each try", async () => {
    let count = 0
    const session = await Session.open({ client: { token: async () => `token ${++count}` } })
    session.server.drop()
    await session.clock.advance(1_000)
    assert.deepEqual(tokens(session), ["token 1", "token 2"])
  })

  it("may be a text, or none", async () => {
    for (const [token, shown] of [["secret", "secret"], [undefined, null], ["", null], [() => null, null], [() => "x", "x"]] as const) {
      assert.deepEqual(tokens(await Session.open({ client: { token } })), [shown])
    }
  })

  it("is asked for again when that has failed", async () => {
    let count = 0
    const mistake = new Error("no network")
    const session = new Session({ client: { token: () => (++count < 3 ? (count === 1 ? Promise.reject(mistake) : raise(mistake)) : "x") } })
    await session.clock.advance(3_000)
    assert.deepEqual(tokens(session), ["x"])
    assert.deepEqual(session.errors.map(({ code, cause }) => [code, cause]), [["token", mistake], ["token", mistake]])
    assert.deepEqual(session.infos[1], { delay: 1_000, code: null, reason: "token" })
  })

  it("is not waited for longer than the server, and comes to nothing when it comes too late", async () => {
    let give = (_token: string) => {}
    const session = new Session({ client: { token: () => new Promise((resolve) => (give = resolve)) } })
    await session.clock.advance(10_000)
    assert.equal(session.infos.at(-1)!.reason, "timeout")
    give("late")
    await settled()
    assert.equal(session.server.tries, 0)
    session.client.close()
    give("later")
    await settled()
    assert.equal(session.server.tries, 0)
  })
})

describe("What is not of the protocol", () => {
  it("is told and ignored", async () => {
    const { client, server, errors, names } = await Session.open()
    const connection = server.connection as FakeWebSocketConnection
    for (const wrong of ["pong", "{}x", '{"type":"event"}', new ArrayBuffer(2)]) connection.sendText(wrong)
    connection.send({ type: "later" })
    server.publish("organization.1", { name: "x" })
    assert.deepEqual(errors.map(({ code }) => code), ["malformed_message", "malformed_message", "malformed_message", "malformed_message"])
    assert.deepEqual(names, ["x"])
    assert.equal(client.state, "open")
  })

  it("is left, if it is another server", async () => {
    const { server } = new Session()
    const OtherServer = function (url: string) {
      return new (server.options.WebSocket as unknown as new (url: string, protocol: string) => object)(url, "")
    } as unknown as typeof server.options.WebSocket
    const session = new Session({ client: { WebSocket: OtherServer, fetch: null } })
    await settled()
    assert.deepEqual(session.errors.map(({ code, message }) => [code, message]), [["transport", "the server does not speak atr.v1"]])
    assert.deepEqual(session.infos.at(-1), { delay: 1_000, code: null, reason: "protocol" })
  })

  it("is told when a connection cannot even be tried", async () => {
    const mistake = new Error("insecure")
    const session = new Session({ client: { fetch: null, WebSocket: class { constructor() { throw mistake } } as never } })
    await settled()
    assert.deepEqual(session.errors.map(({ code, cause }) => [code, cause]), [["transport", mistake]])
    assert.equal(session.client.state, "waiting")
  })

  it("leads to server-sent events, if it is always so", async () => {
    const session = new Session({ client: { WebSocket: class { constructor() { raise(new Error("insecure")) } } as never } })
    await session.clock.advance(7_000)
    assert.equal(session.client.transport, "sse")
    assert.equal(session.client.state, "open")
  })

  it("ends quietly when whoever is told closes the client", async () => {
    const session = new Session({ client: { fetch: null, WebSocket: class { constructor() { raise(new Error("insecure")) } } as never } })
    session.client.onError(() => session.client.close())
    await settled()
    assert.deepEqual(session.states, ["connecting", "closed"])
    assert.equal(session.clock.pending, 0)
  })

  it("may be closed by a listener of any state", async () => {
    for (const at of ["connecting", "open", "waiting"]) {
      const session = new Session()
      session.client.onState((state) => void (state === at && session.client.close()))
      await settled()
      session.server.drop()
      await settled()
      assert.equal(session.client.state, "closed", at)
      assert.equal(session.clock.pending, 0)
    }
  })
})

function raise(error: Error): never {
  throw error
}
