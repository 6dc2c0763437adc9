import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { describe, it } from "node:test"
import { MalformedFrame, isFinal, parseFrame, parseFrameOf } from "../src/protocol.js"

const POSITION = "8f3a52c1d09e4b76:18"

describe("parseFrame", () => {
  it("reads every frame of the server", () => {
    const welcome = { type: "welcome", session: "s", client_key: "user 1", ping_interval: 500, ignored: ["x"] }
    assert.deepEqual(parseFrame(JSON.stringify({ ...welcome, scopes: { a: { position: POSITION, recovered: true }, b: { position: null, recovered: null } } })), {
      type: "welcome", session: "s", clientKey: "user 1", pingInterval: 500,
      scopes: [["a", { position: POSITION, recovered: true }], ["b", { position: null, recovered: null }]],
    })
    assert.deepEqual(parseFrame(`{"type":"event","scope":"a","position":"${POSITION}","event":{"name":"x"}}`), { type: "event", scope: "a", position: POSITION, event: { name: "x" } })
    assert.deepEqual(parseFrame('{"type":"event","scope":"a","position":null,"event":null}'), { type: "event", scope: "a", position: null, event: null })
    assert.deepEqual(parseFrame(`{"type":"reset","scope":"a","position":"${POSITION}"}`), { type: "reset", scope: "a", position: POSITION })
    assert.deepEqual(parseFrame('{"type":"ping"}'), { type: "ping", positions: [] })
    assert.deepEqual(parseFrame(`{"type":"ping","positions":{"a":"${POSITION}"}}`), { type: "ping", positions: [["a", POSITION]] })
    assert.deepEqual(parseFrame('{"type":"pong"}'), { type: "pong" })
    assert.deepEqual(parseFrame('{"type":"error","code":"c","message":"m","help":"h"}'), { type: "error", code: "c", message: "m", help: "h" })
    assert.deepEqual(parseFrame('{"type":"disconnect","reason":"restart","reconnect":true,"after":730}'), { type: "disconnect", reason: "restart", reconnect: true, after: 730 })
  })

  it("reads the examples of docs/protocol.md", () => {
    const text = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8")
    const examples = [...text.matchAll(/```json\n(.+?)```/gs)].map((match) => match[1]!)
    const types = examples.map((example) => parseFrame(example)?.type ?? JSON.parse(example).type)
    assert.deepEqual(types, ["hello", "ping", "pong", "welcome", "event", "reset", "ping", "error", "disconnect"])
  })

  it("does without what it can do without", () => {
    assert.deepEqual(parseFrame('{"type":"welcome"}'), { type: "welcome", session: null, clientKey: null, pingInterval: 25_000, scopes: [] })
    assert.deepEqual(parseFrame('{"type":"disconnect"}'), { type: "disconnect", reason: "", reconnect: true, after: 0 })
    for (const interval of [0, -1, '"1"', "null", "1e999"]) {
      const frame = parseFrame(`{"type":"welcome","ping_interval":${interval}}`) as { pingInterval: number }
      assert.equal(frame.pingInterval, 25_000, `${interval}`)
    }
  })

  it("ignores types and members that it does not know", () => {
    assert.equal(parseFrame('{"type":"presence","who":[]}'), null)
    assert.equal(parseFrame("{}"), null)
    assert.deepEqual(parseFrame('{"type":"pong","at":1}'), { type: "pong" })
  })

  it("refuses what is no frame", () => {
    const wrong = [
      "", "pong", "[]", "null", "1", '{"type":"event"', '{"type":"event","scope":"a"}', '{"type":"event","event":{}}', '{"type":"reset"}',
      '{"type":"error"}', '{"type":"welcome","scopes":{"a":1}}', new ArrayBuffer(1), undefined,
    ]
    for (const text of wrong) assert.throws(() => parseFrame(text), MalformedFrame, String(text))
  })

  it("believes whoever says the type by other means", () => {
    assert.deepEqual(parseFrameOf("reset", '{"scope":"a","position":null}'), { type: "reset", scope: "a", position: null })
    assert.equal(parseFrameOf("later", "{}"), null)
  })
})

describe("isFinal", () => {
  it("is true of the codes after which docs/protocol.md says not to come back", () => {
    const text = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8")
    const rows = [...text.matchAll(/^\| ([\d, ]+) \|.*\| (no|yes.*?)? *\|$/gm)]
    const said = (answer: string) => rows.filter((row) => row[2]?.startsWith(answer)).flatMap((row) => row[1]!.split(", ").map(Number))
    assert.deepEqual(said("no"), [1002, 1007, 1009, 4400, 4401, 4403])
    assert.deepEqual(said("yes"), [1012, 4008, 4408, 4500, 4503])
    assert.ok(said("no").every((code) => isFinal(code)))
    assert.ok([null, 1000, 1006, ...said("yes")].every((code) => !isFinal(code)))
  })
})
