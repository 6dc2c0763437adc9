import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { EPOCH, OTHER_EPOCH, Session, settled } from "./support/session.js"

describe("Events", () => {
  it("come to the handlers of their name, with what there is to know of them", async () => {
    const { client, server } = await Session.open()
    const seen: unknown[][] = []
    client.on("post.created", (event, info) => seen.push(["created", event, info]))
    client.on("post.*", (event) => seen.push(["post", event.name]))
    client.on("comment.*", () => seen.push(["comment"]))
    const event = { name: "post.created", record: { id: 1 } }
    const position = server.publish("organization.1", event)
    server.publish("organization.1", { name: "post.updated" })
    assert.deepEqual(seen, [
      ["created", event, { name: "post.created", scope: "organization.1", position }],
      ["post", "post.created"],
      ["post", "post.updated"],
    ])
  })

  it("do not come to a handler that was removed, by either of two ways", async () => {
    const { client, server } = await Session.open()
    const seen: string[] = []
    const first = () => seen.push("first")
    client.on("post.created", first)
    const remove = client.on("post.created", () => seen.push("second"))
    client.on("post.*", () => seen.push("third"))
    server.publish("organization.1", { name: "post.created" })
    client.off("post.created", first)
    server.publish("organization.1", { name: "post.created" })
    remove()
    server.publish("organization.1", { name: "post.created" })
    client.off("post.*")
    server.publish("organization.1", { name: "post.created" })
    assert.equal(seen.join(" "), "first second third second third third")
  })

  it("come to all who were there when it came, whoever leaves meanwhile", async () => {
    const { client, server } = await Session.open()
    const seen: string[] = []
    const leaver = () => {
      seen.push("leaver")
      client.off("x", leaver)
      client.off("x", neighbour)
    }
    const neighbour = () => seen.push("neighbour")
    client.on("x", leaver)
    client.on("x", neighbour)
    server.publish("organization.1", { name: "x" })
    server.publish("organization.1", { name: "x" })
    assert.deepEqual(seen, ["leaver", "neighbour"])
  })

  it("come also when they are no objects, or have no name", async () => {
    const { client, server, events, details } = await Session.open()
    client.on("post.*", () => assert.fail("this is none of a post"))
    for (const event of [null, 7, "text", [1], {}, { name: 7 }]) server.publish("organization.1", event)
    assert.deepEqual(events, [null, 7, "text", [1], {}, { name: 7 }])
    assert.deepEqual(details.map(({ name }) => name), ["", "", "", "", "", ""])
  })

  it("come once", async () => {
    const { server, names } = await Session.open({ server: { answers: false } })
    const { connection } = server
    connection.welcome({ "organization.1": { position: `${EPOCH}:4`, recovered: null }, "organization.2": { position: `${EPOCH}:0`, recovered: null } })
    connection.event("organization.1", { name: "old" }, `${EPOCH}:4`)
    connection.event("organization.1", { name: "a" }, `${EPOCH}:5`)
    connection.event("organization.1", { name: "a" }, `${EPOCH}:5`)
    connection.event("organization.2", { name: "b" }, `${EPOCH}:5`)
    connection.event("organization.1", { name: "c" }, `${EPOCH}:6`)
    connection.event("organization.1", { name: "d" }, `${OTHER_EPOCH}:1`)
    assert.deepEqual(names, ["a", "b", "c", "d"])
  })

  it("come as often as they are sent when they are in no log", async () => {
    const { client, server, names } = await Session.open({ server: { answers: false } })
    server.connection.welcome({ "organization.1": { position: null, recovered: null } })
    server.connection.event("organization.1", { name: "a" })
    server.connection.event("organization.1", { name: "a" })
    assert.deepEqual(names, ["a", "a"])
    assert.deepEqual(client.positions, {})
  })

  it("stop when the client is closed, also by a handler", async () => {
    const { client, server, names, states } = await Session.open()
    const { connection } = server
    client.on("last", () => client.close())
    server.publish("organization.1", { name: "last" })
    connection.event("organization.1", { name: "too late" })
    assert.deepEqual(names, ["last"])
    assert.deepEqual(states, ["connecting", "open", "closed"])
    assert.equal(connection.closedWith, 1000)
  })
})

describe("Handlers that fail", () => {
  it("harm nobody, and are told", async () => {
    const { client, server, names, errors } = await Session.open()
    const mistakes = [new Error("sync"), new Error("async")]
    client.on("x", () => {
      throw mistakes[0]
    })
    client.on("x", async () => {
      throw mistakes[1]
    })
    client.onReset(() => {
      throw mistakes[0]
    })
    client.onState(() => {
      throw mistakes[0]
    })
    let called = 0
    client.on("x", () => called++)
    server.publish("organization.1", { name: "x" })
    server.forget("organization.1")
    server.drop()
    await settled()
    assert.equal(called, 1)
    assert.deepEqual(names, ["x"])
    assert.deepEqual(errors.map((error) => [error.code, error.cause]), [
      ["handler", mistakes[0]], ["handler", mistakes[0]], ["handler", mistakes[0]], ["handler", mistakes[1]],
    ])
    assert.match(errors[0]!.message, /a handler of x has failed: Error: sync/)
    assert.equal(client.state, "waiting")
  })

  it("are written to the console when nobody listens for errors, or that fails, too", async (context) => {
    const written = context.mock.method(console, "error", () => {})
    const { client, server } = await Session.open()
    client.onError(() => {
      throw new Error("again")
    })
    client.on("x", () => {
      throw new Error("once")
    })
    server.publish("organization.1", { name: "x" })
    assert.deepEqual(written.mock.calls.map((call) => call.arguments[0].message), ["again"])

    const { Client } = await import("../src/client.js")
    const other = new Client("ws://live.test/", server.options)
    other.on("y", () => {
      throw new Error("alone")
    })
    await settled()
    server.publish("organization.1", { name: "y" })
    other.close()
    assert.match(written.mock.calls[1]!.arguments[0].message, /a handler of y has failed: Error: alone/)
  })

  it("are refused when they are no functions", async () => {
    const { client } = await Session.open()
    const wrong = undefined as unknown as () => void
    for (const call of [() => client.on("x", wrong), () => client.onState(wrong), () => client.onReset(wrong), () => client.onError(wrong)]) {
      assert.throws(call, TypeError)
    }
  })
})
