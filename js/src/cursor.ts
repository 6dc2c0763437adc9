import { MalformedFrame, parseObject } from "./protocol.js"

export type Change = [scope: string, position: string]

/**
 * Follows the cursor of a stream of server-sent events: the positions of all scopes, in the `id` of each message. An event's scope
 * is the one whose position differs from the message before.
 */
export class Cursor {
  #text = ""
  #positions = new Map<string, string>()

  /** @returns the cursor for these positions, in ASCII, as the server would give it */
  static write(positions: Readonly<Record<string, string>>): string {
    return JSON.stringify(positions).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
  }

  /**
   * @param id of a message
   * @returns what has changed since the message before
   * @throws MalformedFrame
   */
  move(id: string): Change[] {
    if (id === this.#text || id === "") return []

    // Even if it is none: it comes with every message until the next, and once is enough to be told of it.
    this.#text = id
    const changes: Change[] = []
    for (const [scope, position] of Object.entries(parseObject(id))) {
      // A loss; the reset has told of it.
      if (position === null) continue
      if (typeof position !== "string") throw new MalformedFrame("an id is no cursor")
      if (this.#positions.get(scope) !== position) changes.push([scope, position])
    }
    for (const [scope, position] of changes) this.#positions.set(scope, position)
    return changes
  }
}
