import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { createServer } from "node:http"
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import { once } from "node:events"
import { after, describe, it } from "node:test"

// Runs in the package's directory, so that it finds what was built by the package's name.
function run(script: string) {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", `import { connect } from "atr-client"\n${script}`])
  const state = { output: "" }
  child.stdout.on("data", (piece) => (state.output += piece))
  child.stderr.on("data", (piece) => (state.output += piece))
  after(() => child.kill("SIGKILL"))
  const printed = async (text: string) => {
    while (!state.output.includes(text)) {
      await Promise.race([once(child.stdout, "data"), once(child, "exit").then(([code]) => assert.fail(`it has ended (${code}): ${state.output}`))])
    }
  }
  return { child, printed, state }
}

async function serve(): Promise<Server> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" })
    response.write('event: welcome\ndata: {"ping_interval":25000,"scopes":{}}\n\ndata: {"name":"hello"}\n\n')
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return server
}

const url = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

describe("A Node process", { timeout: 60_000 }, () => {
  it("ends when its client is closed, and not before", async () => {
    const server = await serve()
    const { child, printed, state } = run(`
      const client = connect("${url(server)}", { WebSocket: null })
      client.on("hello", () => console.log("hello " + client.transport))
      process.on("SIGUSR2", () => client.close())
    `)
    await printed("hello sse")
    assert.equal(child.exitCode, null)
    child.kill("SIGUSR2")
    const [code] = await once(child, "exit")
    assert.equal(code, 0, state.output)
  })

  it("goes on while its client waits for a server, and ends when that is closed", async () => {
    const server = await serve()
    const address = url(server)
    server.close()
    const { child, printed, state } = run(`
      const client = connect("${address}", { WebSocket: null, firstDelay: 20, longestDelay: 20 })
      let tries = 0
      client.onState((state) => state === "waiting" && ++tries === 5 && console.log("five tries"))
      process.on("SIGUSR2", () => client.close())
    `)
    await printed("five tries")
    assert.equal(child.exitCode, null)
    child.kill("SIGUSR2")
    const [code] = await once(child, "exit")
    assert.equal(code, 0, state.output)
  })
})
