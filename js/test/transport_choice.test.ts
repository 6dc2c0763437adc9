import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { TransportName } from "../src/transport.js"
import { TransportChoice } from "../src/transport_choice.js"

/** What is tried one after the other while nothing works but what is named. */
function tries(choice: TransportChoice, count: number, works: TransportName[] = []): string {
  return Array.from({ length: count }, () => {
    const name = choice.next()
    if (works.includes(name)) choice.worked(name)
    else choice.failed(name)
    return name[0]
  }).join("")
}

describe("TransportChoice", () => {
  it("tries server-sent events when three websockets have failed, and websockets again when those fail, too", () => {
    assert.equal(tries(new TransportChoice({ websocket: true, sse: true }), 10), "wwwswwwsww")
  })

  it("stays with server-sent events where only they work", () => {
    const choice = new TransportChoice({ websocket: true, sse: true })
    assert.equal(tries(choice, 8, ["sse"]), "wwwsssss")
    assert.equal(tries(choice, 5), "swwws")
  })

  it("stays with websockets when one has worked, however long the server is away", () => {
    const choice = new TransportChoice({ websocket: true, sse: true })
    assert.equal(tries(choice, 3), "www")
    choice.worked("websocket")
    assert.equal(tries(choice, 10), "wwwwwwwwww")
  })

  it("begins anew in another network", () => {
    const choice = new TransportChoice({ websocket: true, sse: true })
    choice.worked("websocket")
    choice.forget()
    assert.equal(tries(choice, 4), "wwws")
    assert.equal(tries(choice, 2), "ww")
    choice.forget()
    assert.equal(tries(choice, 4), "wwws")
  })

  it("takes what there is", () => {
    assert.equal(tries(new TransportChoice({ websocket: true, sse: false }), 5), "wwwww")
    assert.equal(tries(new TransportChoice({ websocket: false, sse: true }), 5), "sssss")
  })
})
