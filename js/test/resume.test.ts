import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { FakeServer } from "../src/testing/index.js"
import { FakePage } from "./support/fake_page.js"
import { EPOCH, OTHER_EPOCH, Session, settled } from "./support/session.js"

const hello = (server: FakeServer) => server.connection.hello

describe("A client that was away", () => {
  it("gets what it has missed, in order and once", async () => {
    const { server, clock, names, resets } = await Session.open()
    server.publish("organization.1", { name: "before" })
    server.drop()
    server.publish("organization.1", { name: "missed 1" })
    server.publish("organization.1", { name: "missed 2" })
    await clock.advance(1_000)
    server.publish("organization.1", { name: "after" })
    assert.deepEqual(names, ["before", "missed 1", "missed 2", "after"])
    assert.deepEqual(resets, [])
  })

  it("says where it is, in each scope", async () => {
    const { client, server, clock } = await Session.open({ server: { answers: false } })
    assert.deepEqual(hello(server), { type: "hello" })
    server.connection.welcome({ a: { position: `${EPOCH}:3`, recovered: null }, b: { position: `${EPOCH}:7`, recovered: null }, c: { position: null, recovered: null } })
    server.connection.event("a", {}, `${EPOCH}:4`)
    assert.deepEqual(client.positions, { a: `${EPOCH}:4`, b: `${EPOCH}:7` })
    server.drop()
    await clock.advance(1_000)
    assert.equal(server.connections.length, 2)
    assert.deepEqual(hello(server), { type: "hello", positions: { a: `${EPOCH}:4`, b: `${EPOCH}:7` } })
  })

  it("counts what its filter has held back as seen", async () => {
    const { client, server, clock, names } = await Session.open({ server: { answers: false }, client: { names: ["post.*"] } })
    assert.deepEqual(hello(server), { type: "hello", names: ["post.*"] })
    server.connection.welcome({ a: { position: `${EPOCH}:3`, recovered: null } })
    server.connection.event("a", { name: "comment.created" }, `${EPOCH}:4`)
    server.connection.ping({ a: `${EPOCH}:40` })
    server.connection.ping({ a: `${EPOCH}:39` })
    assert.deepEqual(names, [])
    assert.deepEqual(client.positions, { a: `${EPOCH}:40` })
    server.drop()
    await clock.advance(1_000)
    assert.deepEqual(hello(server), { type: "hello", positions: { a: `${EPOCH}:40` }, names: ["post.*"] })
  })

  it("drops what comes twice when it is back", async () => {
    const { client, server, clock, names } = await Session.open({ server: { answers: false } })
    server.connection.welcome({ a: { position: `${EPOCH}:3`, recovered: null } })
    server.connection.event("a", { name: "4" }, `${EPOCH}:4`)
    server.drop()
    await clock.advance(1_000)
    server.connection.welcome({ a: { position: `${EPOCH}:2`, recovered: true } })
    for (const offset of [3, 4, 5]) server.connection.event("a", { name: `${offset}` }, `${EPOCH}:${offset}`)
    assert.deepEqual(names, ["4", "5"])
    assert.deepEqual(client.positions, { a: `${EPOCH}:5` })
  })

  it("follows its scopes into another epoch with the same past", async () => {
    const { client, server, clock, resets } = await Session.open({ server: { answers: false } })
    server.connection.welcome({ a: { position: `${EPOCH}:3`, recovered: null } })
    server.drop()
    await clock.advance(1_000)
    server.connection.welcome({ a: { position: `${OTHER_EPOCH}:3`, recovered: true } })
    assert.deepEqual(client.positions, { a: `${OTHER_EPOCH}:3` })
    assert.deepEqual(resets, [])
  })

  it("goes on where another client was", async () => {
    const first = await Session.open()
    first.server.publish("organization.1", { name: "1" })
    const { positions } = first.client
    first.client.close()
    first.server.publish("organization.1", { name: "2" })
    const second = await Session.open({ server: first.server, client: { positions } })
    assert.deepEqual(second.names, ["2"])
  })
})

describe("onReset", () => {
  it("is told when a scope could not be recovered, and goes on from there, be it back", async () => {
    const { client, server, clock, names, resets, states } = await Session.open({ server: { answers: false } })
    server.connection.welcome({ a: { position: `${EPOCH}:30`, recovered: null }, b: { position: `${EPOCH}:1`, recovered: null } })
    assert.deepEqual(resets, [])
    server.drop()
    await clock.advance(1_000)
    const told: string[] = []
    client.onReset(() => told.push(client.state, client.positions.a!))
    server.connection.welcome({ a: { position: `${EPOCH}:2`, recovered: false }, b: { position: `${EPOCH}:1`, recovered: true } })
    server.connection.event("a", { name: "3" }, `${EPOCH}:3`)
    assert.deepEqual(resets, [{ scope: "a", position: `${EPOCH}:2` }])
    assert.deepEqual(told, ["open", `${EPOCH}:2`])
    assert.deepEqual(names, ["3"])
    assert.deepEqual(states, ["connecting", "open", "waiting", "connecting", "open"])
  })

  it("is told of a reset", async () => {
    const { client, server, resets, names } = await Session.open()
    server.publish("organization.1", { name: "1" })
    server.forget("organization.1")
    server.publish("organization.1", { name: "2" })
    assert.equal(resets.length, 1)
    assert.equal(resets[0]!.scope, "organization.1")
    assert.match(resets[0]!.position!, /^[0-9a-f]{16}:0$/)
    assert.deepEqual(names, ["1", "2"])
    server.forget("organization.1")
    assert.deepEqual(client.positions, { "organization.1": resets[1]!.position })
  })

  it("is told of a scope without a log when the client comes back, and of none that is new", async () => {
    const { server, clock, resets } = await Session.open({ server: { answers: false } })
    server.connection.welcome({ a: { position: null, recovered: null } })
    server.drop()
    await clock.advance(1_000)
    server.connection.welcome({ a: { position: null, recovered: null }, b: { position: null, recovered: null } })
    assert.deepEqual(resets, [{ scope: "a", position: null }])
  })

  it("is told of a scope whose log is gone, once", async () => {
    const { client, server, resets } = await Session.open({ server: { answers: false }, client: { positions: { a: `${EPOCH}:3` } } })
    server.connection.welcome({ a: { position: null, recovered: false } })
    assert.deepEqual(resets, [{ scope: "a", position: null }])
    assert.deepEqual(client.positions, {})
  })

  it("is told nothing more by a client that was closed meanwhile", async () => {
    const { client, server, resets } = await Session.open({ server: { answers: false } })
    client.onReset(() => client.close())
    server.connection.welcome({ a: { position: null, recovered: false }, b: { position: null, recovered: false } })
    assert.equal(resets.length, 1)
  })
})

describe("The page's positions", () => {
  it("are where the client begins", async () => {
    const before = await Session.open()
    before.server.publish("organization.1", { name: "1" })
    const page = new FakePage({ tags: [JSON.stringify(before.client.positions)] })
    before.server.publish("organization.1", { name: "2" })
    const { names } = await Session.open({ server: before.server, page })
    assert.deepEqual(names, ["2"])
  })

  it("may be in several tags, of which the first counts, and of a scope without a log there is none", async () => {
    const tags = [`{"a":"${EPOCH}:1","c":null}`, `{"a":"${EPOCH}:2","b":"${EPOCH}:3"}`]
    const { client, errors } = await Session.open({ server: { answers: false }, page: new FakePage({ tags }) })
    assert.deepEqual(client.positions, { a: `${EPOCH}:1`, b: `${EPOCH}:3` })
    assert.deepEqual(errors, [])
  })

  it("do not count where others are given", async () => {
    const page = new FakePage({ tags: [`{"a":"${EPOCH}:1"}`] })
    const { client } = await Session.open({ server: { answers: false }, page, client: { positions: {} } })
    assert.deepEqual(client.positions, {})
  })

  it("are told to be wrong when they are", async () => {
    for (const content of [null, "", "x", "null", "[7]", '{"a":7}']) {
      const { errors, client } = await Session.open({ page: new FakePage({ tags: [content] }) })
      assert.deepEqual(errors.map(({ code }) => code), ["malformed_position"], `${content}`)
      assert.equal(client.state, "open")
    }
  })

  it("are given to the server as they are, who knows better what a position is", async () => {
    const page = new FakePage({ tags: ['{"a":"nonsense"}'] })
    const { server, errors, resets } = await Session.open({ server: { answers: false }, page })
    assert.deepEqual(hello(server)!.positions, { a: "nonsense" })
    server.connection.error("malformed_position", "the position of a is none", "send back what the server sent, as a string")
    server.connection.welcome({ a: { position: `${EPOCH}:1`, recovered: false } })
    assert.deepEqual(errors.map(({ code, message, help }) => [code, message, help]), [
      ["malformed_position", "the position of a is none", "send back what the server sent, as a string"],
    ])
    assert.deepEqual(resets, [{ scope: "a", position: `${EPOCH}:1` }])
    await settled()
  })
})
