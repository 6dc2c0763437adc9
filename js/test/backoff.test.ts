import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Backoff, fullJitter } from "../src/backoff.js"

describe("fullJitter", () => {
  it("is anything from nothing to the bound", () => {
    assert.equal(fullJitter(0, 1_000, 30_000, () => 0), 0)
    assert.equal(fullJitter(0, 1_000, 30_000, () => 0.5), 500)
    assert.equal(fullJitter(0, 1_000, 30_000, () => 1), 1_000)
  })

  it("doubles the bound with each failure, up to the longest", () => {
    const bounds = [0, 1, 2, 3, 4, 5, 6, 5_000].map((failures) => fullJitter(failures, 1_000, 30_000, () => 1))
    assert.deepEqual(bounds, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  })

  it("spreads clients that begin at once evenly", () => {
    const delays = Array.from({ length: 10_000 }, () => fullJitter(3, 1_000, 30_000, Math.random))
    const tenths = Array.from({ length: 10 }, (_, tenth) => delays.filter((delay) => Math.floor(delay / 800) === tenth).length)
    for (const count of tenths) assert.ok(count > 800 && count < 1_200, `${tenths}`)
  })
})

describe("Backoff", () => {
  it("counts failures until it is told to begin anew", () => {
    const backoff = new Backoff(100, 1_000, () => 1)
    assert.deepEqual([backoff.next(), backoff.next(), backoff.next()], [100, 200, 400])
    backoff.reset()
    assert.equal(backoff.next(), 100)
  })
})
