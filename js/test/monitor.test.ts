import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Monitor } from "../src/monitor.js"
import { FakeClock } from "../src/testing/fake_clock.js"

function watch({ asks = true } = {}) {
  const clock = new FakeClock()
  const seen = { asked: 0, dead: 0 }
  const monitor = new Monitor(clock, { ask: asks ? () => seen.asked++ : null, dead: () => seen.dead++ })
  return { clock, seen, monitor }
}

describe("Monitor", () => {
  it("leaves alone who is heard in time", async () => {
    const { clock, seen, monitor } = watch()
    monitor.start(1_000)
    for (let count = 0; count < 20; count++) {
      await clock.advance(1_000)
      monitor.heard()
    }
    assert.deepEqual(seen, { asked: 0, dead: 0 })
    assert.equal(clock.pending, 1)
  })

  it("asks who is late, and gives up after two intervals", async () => {
    const { clock, seen, monitor } = watch()
    monitor.start(1_000)
    await clock.advance(1_249)
    assert.deepEqual(seen, { asked: 0, dead: 0 })
    await clock.advance(1)
    assert.deepEqual(seen, { asked: 1, dead: 0 })
    await clock.advance(749)
    assert.deepEqual(seen, { asked: 1, dead: 0 })
    await clock.advance(1)
    assert.deepEqual(seen, { asked: 1, dead: 1 })
    await clock.advance(60_000)
    assert.deepEqual(seen, { asked: 1, dead: 1 })
    assert.equal(clock.pending, 0)
  })

  it("goes on with who answers, and asks again another time", async () => {
    const { clock, seen, monitor } = watch()
    monitor.start(1_000)
    await clock.advance(1_300)
    monitor.heard()
    await clock.advance(1_300)
    assert.deepEqual(seen, { asked: 2, dead: 0 })
    await clock.advance(700)
    assert.deepEqual(seen, { asked: 2, dead: 1 })
  })

  it("sees that the computer has slept", async () => {
    const { clock, seen, monitor } = watch()
    monitor.start(25_000)
    await clock.advance(10_000)
    clock.sleep(3_600_000)
    await clock.advance(0)
    assert.deepEqual(seen, { asked: 0, dead: 1 })
  })

  it("asks at once where there is doubt, and waits five seconds for the answer", async () => {
    const { clock, seen, monitor } = watch()
    monitor.start(25_000)
    monitor.probe()
    monitor.probe()
    assert.deepEqual(seen, { asked: 1, dead: 0 })
    await clock.advance(4_999)
    assert.deepEqual(seen, { asked: 1, dead: 0 })
    await clock.advance(1)
    assert.deepEqual(seen, { asked: 1, dead: 1 })
  })

  it("is content with any answer", async () => {
    const { clock, seen, monitor } = watch()
    monitor.start(25_000)
    monitor.probe()
    await clock.advance(3_000)
    monitor.heard()
    await clock.advance(20_000)
    assert.deepEqual(seen, { asked: 1, dead: 0 })
    monitor.probe()
    assert.deepEqual(seen, { asked: 2, dead: 0 })
  })

  it("takes a stream that cannot be asked for dead when it is late", async () => {
    const { clock, seen, monitor } = watch({ asks: false })
    monitor.start(1_000)
    await clock.advance(1_249)
    monitor.probe()
    assert.deepEqual(seen, { asked: 0, dead: 0 })
    await clock.advance(1)
    monitor.probe()
    assert.deepEqual(seen, { asked: 0, dead: 1 })

    monitor.start(1_000)
    await clock.advance(1_999)
    assert.equal(seen.dead, 1)
    await clock.advance(1)
    assert.equal(seen.dead, 2)
  })

  it("does nothing before its start and after its end", async () => {
    const { clock, seen, monitor } = watch()
    monitor.probe()
    monitor.start(1_000)
    monitor.stop()
    monitor.probe()
    await clock.advance(10_000)
    assert.deepEqual(seen, { asked: 0, dead: 0 })
    assert.equal(clock.pending, 0)
  })
})
