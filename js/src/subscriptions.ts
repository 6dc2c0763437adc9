import { NamePattern } from "./name_pattern.js"

interface Subscription<Handler> {
  pattern: NamePattern
  handler: Handler
}

/** Knows which handlers are for which events. */
export class Subscriptions<Handler> {
  // Replaced, never changed: a handler may add and remove others while all are being called.
  #all: Subscription<Handler>[] = []

  /** Adds a handler. The same one for the same pattern counts once. */
  add(text: string, handler: Handler): void {
    const pattern = new NamePattern(text)
    if (typeof handler !== "function") throw new TypeError(`atr: the handler of ${text} is no function`)
    if (this.#all.some((one) => one.pattern.text === text && one.handler === handler)) return

    this.#all = [...this.#all, { pattern, handler }]
  }

  /** Removes a handler, or all of the pattern. */
  remove(text: string, handler?: Handler): void {
    this.#all = this.#all.filter((one) => one.pattern.text !== text || (handler !== undefined && one.handler !== handler))
  }

  /** @returns those for this name, in the order in which they were added */
  handlersFor(name: string): Handler[] {
    return this.#all.filter((one) => one.pattern.matches(name)).map((one) => one.handler)
  }
}
