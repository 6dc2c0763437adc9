import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { describe, it } from "node:test"
import { connect, AtrError } from "atr-client"
import { FakeClock, FakeServer } from "atr-client/testing"

const root = new URL("../../", import.meta.url)
const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8"))

describe("The package", () => {
  it("works as it is built", async () => {
    const [server, clock] = [new FakeServer({ scopes: ["a"] }), new FakeClock()]
    const client = connect("ws://live.test/", { ...server.options, clock })
    const names = []
    client.on("post.*", (event) => names.push(event.name))
    await server.connected()
    server.publish("a", { name: "post.created" })
    server.drop()
    server.publish("a", { name: "post.updated" })
    await clock.advance(1_000)
    client.close()
    assert.deepEqual(names, ["post.created", "post.updated"])
    assert.equal(new AtrError("x", "y").code, "x")
  })

  it("has the version of the gem", () => {
    const version = /VERSION = "(.+)"/.exec(readFileSync(new URL("../lib/atr/version.rb", root), "utf8"))[1]
    assert.equal(manifest.version, version)
  })

  it("needs no other, and brings types and source maps, but no sources of tests", () => {
    assert.equal(manifest.dependencies, undefined)
    const [pack] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root, stdio: ["ignore", "pipe", "ignore"] }))
    const files = pack.files.map(({ path }) => path)
    const needed = ["dist/atr.js", "dist/atr.js.map", "dist/testing.js", "dist/types/index.d.ts", "dist/types/testing/index.d.ts", "package.json", "README.md"]
    assert.deepEqual(needed.filter((file) => !files.includes(file)), [])
    assert.deepEqual(files.filter((file) => !/^dist\/|^package\.json$|^README\.md$|^LICENSE$/.test(file)), [])
  })

  it("is one module that asks for no other", () => {
    const code = readFileSync(new URL("dist/atr.js", root), "utf8")
    assert.doesNotMatch(code, /\bimport\b|\brequire\(/)
    assert.match(code, /\/\/# sourceMappingURL=atr\.js\.map\n$/)
    const map = JSON.parse(readFileSync(new URL("dist/atr.js.map", root), "utf8"))
    assert.equal(map.sources.length, map.sourcesContent.length)
  })
})
