import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Positions } from "../src/positions.js"

const EPOCH = "8f3a52c1d09e4b76"
const OTHER = "2b7d10aa93c6f5e8"

describe("Positions", () => {
  it("advances, and tells what has come before", () => {
    const positions = new Positions({ a: `${EPOCH}:9` })
    assert.equal(positions.advance("a", `${EPOCH}:9`), false)
    assert.equal(positions.advance("a", `${EPOCH}:8`), false)
    // As numbers, not as texts.
    assert.equal(positions.advance("a", `${EPOCH}:10`), true)
    assert.equal(positions.advance("a", `${EPOCH}:10`), false)
    assert.deepEqual(positions.toJSON(), { a: `${EPOCH}:10` })
  })

  it("keeps scopes apart", () => {
    const positions = new Positions({ a: `${EPOCH}:9` })
    assert.equal(positions.advance("b", `${EPOCH}:1`), true)
    assert.deepEqual(positions.toJSON(), { a: `${EPOCH}:9`, b: `${EPOCH}:1` })
  })

  it("does not compare epochs", () => {
    const positions = new Positions({ a: `${EPOCH}:9` })
    assert.equal(positions.advance("a", `${OTHER}:1`), true)
    assert.deepEqual(positions.toJSON(), { a: `${OTHER}:1` })
  })

  it("goes back where the server says so, and forgets a scope without a log", () => {
    const positions = new Positions({ a: `${EPOCH}:9`, b: `${EPOCH}:9` })
    positions.set("a", `${EPOCH}:3`)
    positions.set("b", null)
    assert.deepEqual(positions.toJSON(), { a: `${EPOCH}:3` })
    assert.equal(positions.advance("a", `${EPOCH}:4`), true)
  })

  it("gives back what is no position as it is, for the server to say so, and prefers any other", () => {
    for (const wrong of ["", "1", `${EPOCH}:01`, `${EPOCH}:-1`, `${EPOCH.toUpperCase()}:1`, `${EPOCH}:1 `]) {
      const positions = new Positions({ a: wrong })
      assert.deepEqual(positions.toJSON(), { a: wrong })
      assert.equal(positions.advance("a", `${EPOCH}:0`), true)
    }
  })

  it("has no trouble with the names that objects have of their own", () => {
    const positions = new Positions(JSON.parse(`{"__proto__": "${EPOCH}:1"}`))
    assert.equal(positions.advance("__proto__", `${EPOCH}:1`), false)
    assert.equal(positions.advance("constructor", `${EPOCH}:1`), true)
    assert.equal(JSON.stringify(positions), `{"__proto__":"${EPOCH}:1","constructor":"${EPOCH}:1"}`)
  })
})
