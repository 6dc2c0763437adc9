import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { NameFilter } from "../src/name_pattern.js"
import { Subscriptions } from "../src/subscriptions.js"

describe("Subscriptions", () => {
  const [a, b, c] = [() => "a", () => "b", () => "c"]

  it("finds handlers by name, by prefix and for everything, in the order in which they came", () => {
    const subscriptions = new Subscriptions<() => string>()
    subscriptions.add("*", a)
    subscriptions.add("post.*", b)
    subscriptions.add("post.created", c)
    assert.deepEqual(subscriptions.handlersFor("post.created"), [a, b, c])
    assert.deepEqual(subscriptions.handlersFor("post.updated"), [a, b])
    assert.deepEqual(subscriptions.handlersFor("post"), [a])
    assert.deepEqual(subscriptions.handlersFor("posts.created"), [a])
    assert.deepEqual(subscriptions.handlersFor(""), [a])
  })

  it("removes one handler, or all of a pattern, and no others", () => {
    const subscriptions = new Subscriptions<() => string>()
    subscriptions.add("post.*", a)
    subscriptions.add("post.*", b)
    subscriptions.add("*", a)
    subscriptions.remove("post.*", a)
    assert.deepEqual(subscriptions.handlersFor("post.created"), [b, a])
    subscriptions.add("post.*", c)
    subscriptions.remove("post.*")
    assert.deepEqual(subscriptions.handlersFor("post.created"), [a])
  })

  it("counts the same handler of the same pattern once", () => {
    const subscriptions = new Subscriptions<() => string>()
    subscriptions.add("post.*", a)
    subscriptions.add("post.*", a)
    assert.deepEqual(subscriptions.handlersFor("post.created"), [a])
  })

  it("refuses what is no pattern and what is no function", () => {
    const subscriptions = new Subscriptions<() => string>()
    for (const wrong of ["", "*.created", "post.*.x", "**", "post.**", "po*", "a b", "{", "a\n", 1, undefined]) {
      assert.throws(() => subscriptions.add(wrong as string, a), TypeError)
    }
    assert.throws(() => subscriptions.add("post.*", "a" as unknown as () => string), /the handler of post\.\* is no function/)
  })
})

describe("NameFilter", () => {
  it("admits what one of its patterns means", () => {
    const filter = new NameFilter(["post.*", "comment.created"])
    assert.deepEqual(["post.created", "comment.created", "comment.updated", "x"].map((name) => filter.admits(name)), [true, true, false, false])
    assert.equal(new NameFilter([]).admits("post.created"), false)
  })

  it("refuses what the server would not take", () => {
    assert.equal(new NameFilter(Array.from({ length: 100 }, (_, index) => `name.${index}`)).names.length, 100)
    assert.throws(() => new NameFilter(Array.from({ length: 101 }, (_, index) => `name.${index}`)), /101 names are more than 100/)
    assert.equal(new NameFilter(["é".repeat(127) + "x"]).names.length, 1)
    assert.throws(() => new NameFilter(["é".repeat(128)]), /longer than 255 bytes/)
    assert.throws(() => new NameFilter("post.*" as unknown as string[]), TypeError)
  })
})
