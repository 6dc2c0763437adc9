import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Address } from "../src/address.js"

const websocket = (url: string | URL, base?: string) => new Address(url, base).websocket(null)
const stream = (url: string | URL, base?: string) => new Address(url, base).stream(null, {})

describe("Address", () => {
  it("turns the scheme into the transport's", () => {
    assert.equal(websocket("https://live.test/organization/1"), "wss://live.test/organization/1")
    assert.equal(websocket("ws://live.test:7777"), "ws://live.test:7777/")
    assert.equal(stream("wss://live.test:444/x"), "https://live.test:444/x")
    assert.equal(stream("ws://live.test/x"), "http://live.test/x")
    assert.equal(stream(new URL("http://live.test/x#y")), "http://live.test/x")
  })

  it("takes the page for what is missing", () => {
    assert.equal(websocket("/organization/1", "https://app.test/posts/1?page=2"), "wss://app.test/organization/1")
    assert.equal(websocket("//live.test/x", "http://app.test/"), "ws://live.test/x")
    assert.equal(stream("/", "http://app.test:3000/posts"), "http://app.test:3000/")
  })

  it("refuses what leads nowhere", () => {
    assert.throws(() => new Address("/organization/1", undefined), /is no address, and there is no page/)
    assert.throws(() => new Address("http://", "http://app.test"), { name: "TypeError", message: "atr: http:// is no address" })
    assert.throws(() => new Address("redis://live.test", undefined), /none of ws, wss, http and https/)
  })

  it("adds the token, and to streams the positions, to the query", () => {
    const address = new Address("wss://live.test/x?a=1&token=old", undefined)
    assert.equal(address.websocket("a b&c"), "wss://live.test/x?a=1&token=a+b%26c")
    const url = new URL(address.stream("new", { "städte.1": "8f3a52c1d09e4b76:1" }))
    assert.deepEqual([...url.searchParams], [["a", "1"], ["token", "new"], ["last_event_id", '{"st\\u00e4dte.1":"8f3a52c1d09e4b76:1"}']])
    assert.equal(address.stream("new", {}), "https://live.test/x?a=1&token=new")
  })
})
