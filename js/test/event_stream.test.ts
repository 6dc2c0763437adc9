import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Cursor } from "../src/cursor.js"
import { EventStream } from "../src/event_stream.js"
import type { StreamMessage } from "../src/event_stream.js"
import { MalformedFrame } from "../src/protocol.js"

function read(...pieces: string[]): StreamMessage[] {
  const messages: StreamMessage[] = []
  const stream = new EventStream((message) => messages.push(message))
  for (const piece of pieces) stream.push(piece)
  return messages
}

describe("EventStream", () => {
  const text = 'retry: 2000\n\nevent: welcome\nid: {"a":"1"}\ndata: {"x":1}\n\n:\n\nid: 2\ndata: one\ndata:two\n\ndata\n\n'
  const messages = [
    { name: "", data: null, id: "" },
    { name: "welcome", data: '{"x":1}', id: '{"a":"1"}' },
    { name: "", data: null, id: '{"a":"1"}' },
    { name: "", data: "one\ntwo", id: "2" },
    { name: "", data: "", id: "2" },
  ]

  it("reads messages", () => {
    assert.deepEqual(read(text), messages)
  })

  it("reads them wherever the text was cut, and with any line ends", () => {
    for (const ends of ["\n", "\r\n", "\r"]) {
      const same = text.replaceAll("\n", ends)
      assert.deepEqual(read(...same, ":"), messages, JSON.stringify(ends))
      for (let at = 0; at <= same.length; at++) assert.deepEqual(read(same.slice(0, at), same.slice(at), ":"), messages)
    }
  })

  it("tells nothing of a message that has not ended", () => {
    assert.deepEqual(read("data: 1\n"), [])
  })

  it("takes off one space, and ignores ids with a zero byte and unknown fields", () => {
    assert.deepEqual(read("id: 1\ndata:  a: b\nid: 2\0\nlater: x\n\n"), [{ name: "", data: " a: b", id: "1" }])
  })

  it("knows the usual name of a message", () => {
    assert.deepEqual(read("event: message\ndata: 1\n\n")[0]?.name, "")
  })
})

describe("Cursor", () => {
  it("says what has moved", () => {
    const cursor = new Cursor()
    assert.deepEqual(cursor.move('{"a":"1","b":"1"}'), [["a", "1"], ["b", "1"]])
    assert.deepEqual(cursor.move('{"a":"1","b":"1"}'), [])
    assert.deepEqual(cursor.move('{"a":"2","b":"1"}'), [["a", "2"]])
    assert.deepEqual(cursor.move('{"b":"3"}'), [["b", "3"]])
    assert.deepEqual(cursor.move(""), [])
    assert.deepEqual(cursor.move('{"a":"2","b":"3"}'), [])
  })

  it("may have lost a scope", () => {
    const cursor = new Cursor()
    assert.deepEqual(cursor.move('{"a":null,"b":"1"}'), [["b", "1"]])
    assert.deepEqual(cursor.move('{"a":null,"b":"2"}'), [["b", "2"]])
    assert.deepEqual(cursor.move('{"a":"1","b":"2"}'), [["a", "1"]])
  })

  it("refuses what is none", () => {
    for (const wrong of ["x", "[]", '{"a":1}']) assert.throws(() => new Cursor().move(wrong), MalformedFrame)
  })

  it("writes ASCII", () => {
    assert.equal(Cursor.write({ "städte.1": "x", "😀": "y" }), '{"st\\u00e4dte.1":"x","\\ud83d\\ude00":"y"}')
    assert.deepEqual(JSON.parse(Cursor.write({ "städte.1": "x", "😀": "y" })), { "städte.1": "x", "😀": "y" })
  })
})
