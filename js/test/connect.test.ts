import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { connect } from "../src/index.js"
import { FakeServer } from "../src/testing/index.js"
import { FakePage } from "./support/fake_page.js"
import { Session, settled } from "./support/session.js"

describe("connect", () => {
  it("gives a client that is connecting, and tells of it as soon as somebody listens", async () => {
    const server = new FakeServer({ scopes: ["organization.1"] })
    const client = connect("ws://live.test/organization/1", server.options)
    assert.equal(client.state, "connecting")
    assert.equal(client.transport, null)
    const states: string[] = []
    client.onState((state) => states.push(state))
    await server.connected()
    assert.deepEqual(states, ["connecting", "open"])
    assert.equal(client.transport, "websocket")
    client.close()
    assert.deepEqual([client.state, client.transport], ["closed", null])
  })

  it("does nothing when it is closed before it began", async () => {
    const server = new FakeServer()
    const client = connect("ws://live.test/", server.options)
    client.close()
    await settled()
    assert.equal(client.state, "closed")
    assert.equal(server.tries, 0)
  })

  it("tells what the server calls it", async () => {
    const { client, server } = await Session.open({ server: { answers: false } })
    assert.deepEqual([client.session, client.clientKey], [null, null])
    server.connection.welcome({}, { clientKey: "user 1" })
    assert.deepEqual([client.session, client.clientKey], ["c5b0f3a1e2d4978a", "user 1"])
  })

  it("takes an address from the page", async () => {
    const { server } = await Session.open({ page: new FakePage({ href: "https://app.test/posts" }), url: "/live/organization/1" })
    assert.equal(server.connection.url.href, "wss://app.test/live/organization/1")
  })

  it("refuses what cannot be meant", () => {
    const { options } = new FakeServer()
    assert.throws(() => connect("/organization/1", options), TypeError)
    assert.throws(() => connect("ws://live.test/", { ...options, names: ["*.created"] }), TypeError)
    assert.throws(() => connect("ws://live.test/", { WebSocket: null, fetch: null }), /neither WebSocket nor fetch/)
  })

  it("stops telling a listener that was removed", async () => {
    const { client, server } = await Session.open()
    const seen: string[] = []
    const removes = [client.onState((state) => seen.push(state)), client.onReset(() => seen.push("reset")), client.onError(() => seen.push("error"))]
    server.forget("organization.1")
    for (const remove of removes) remove()
    server.forget("organization.1")
    server.connection.error("x", "y")
    server.drop()
    assert.deepEqual(seen, ["reset"])
  })
})
