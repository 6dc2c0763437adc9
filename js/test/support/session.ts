import { after } from "node:test"
import { Client } from "../../src/client.js"
import type { EventInfo, ResetInfo } from "../../src/client.js"
import type { State, StateInfo } from "../../src/connection.js"
import type { AtrError } from "../../src/errors.js"
import type { Options } from "../../src/options.js"
import { Page } from "../../src/page.js"
import { FakeClock, FakeServer, settled } from "../../src/testing/index.js"
import type { FakeServerOptions } from "../../src/testing/index.js"

export const EPOCH = "8f3a52c1d09e4b76"
export const OTHER_EPOCH = "2b7d10aa93c6f5e8"

export interface SessionOptions {
  server?: FakeServer | FakeServerOptions
  client?: Options
  page?: Page
  url?: string
}

/** A client and its server, with all that the client has told. */
export class Session {
  readonly server: FakeServer
  readonly clock = new FakeClock()
  readonly client: Client
  readonly states: State[] = []
  readonly infos: StateInfo[] = []
  readonly events: { name: string }[] = []
  readonly names: (string | undefined)[] = []
  readonly details: EventInfo[] = []
  readonly delays: (number | null)[] = []
  readonly resets: ResetInfo[] = []
  readonly errors: AtrError[] = []

  constructor({ server = {}, client = {}, page = new Page({}), url = "ws://live.test/organization/1" }: SessionOptions = {}) {
    this.server = server instanceof FakeServer ? server : new FakeServer({ scopes: ["organization.1"], ...server })
    // Waits are as long as they can be: what is tried sooner was not waited for.
    const fixed = { ...this.server.options, clock: this.clock, random: () => 1 }
    this.client = new Client(url, { ...fixed, ...client }, page)
    this.client.onState((state, info) => {
      this.states.push(state)
      this.infos.push(info)
      if (state === "waiting") this.delays.push(info.delay)
    })
    this.client.on("*", (event, info) => {
      this.events.push(event)
      this.names.push(event?.name)
      this.details.push(info)
    })
    this.client.onReset((reset) => this.resets.push(reset))
    this.client.onError((error) => this.errors.push(error))
    after(() => this.client.close())
  }

  /** Connected, and welcomed by a server that answers. */
  static async open(options: SessionOptions = {}): Promise<Session> {
    const session = new Session(options)
    await session.server.connected()
    return session
  }
}

export { settled }
