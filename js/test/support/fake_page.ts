import { Page } from "../../src/page.js"
import type { Surroundings } from "../../src/page.js"

/** A page with the tags and the address of one, in front of somebody who looks and looks away. */
export class FakePage extends Page {
  readonly #window = new EventTarget()
  readonly #document: EventTarget & { visibilityState: string }

  constructor({ tags = [] as (string | null)[], href = "https://app.test/posts/1" } = {}) {
    const events = new EventTarget()
    const document = Object.assign(new EventTarget(), {
      baseURI: href,
      visibilityState: "visible",
      querySelectorAll: (selector: string) =>
        selector === 'meta[name="atr-positions"]' ? tags.map((content) => ({ getAttribute: () => content })) : [],
    })
    super({
      document: document as unknown as Document,
      addEventListener: events.addEventListener.bind(events) as Surroundings["addEventListener"],
      removeEventListener: events.removeEventListener.bind(events) as Surroundings["removeEventListener"],
    })
    this.#window = events
    this.#document = document
  }

  goOnline(): void {
    this.#window.dispatchEvent(new Event("online"))
  }

  hide(): void {
    this.#turn("hidden")
  }

  show(): void {
    this.#turn("visible")
  }

  #turn(state: string): void {
    this.#document.visibilityState = state
    this.#document.dispatchEvent(new Event("visibilitychange"))
  }
}
