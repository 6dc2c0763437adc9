/** Calls what the app has given. Whatever happens in there, the caller goes on. */
export function callSafely<Arguments extends unknown[]>(
  listener: (...values: Arguments) => unknown,
  values: Arguments,
  failed: (cause: unknown) => void,
): void {
  try {
    const result = listener(...values)
    // An async function's failure would be nobody's: in Node it would even end the process.
    if (result instanceof Promise) result.catch(failed)
  } catch (cause) {
    failed(cause)
  }
}

/** A list of the app's functions that are told the same. */
export class Listeners<Arguments extends unknown[]> {
  #all: ((...values: Arguments) => unknown)[] = []
  readonly #failed: (cause: unknown) => void

  /** @param failed gets what a listener throws */
  constructor(failed: (cause: unknown) => void) {
    this.#failed = failed
  }

  get any(): boolean {
    return this.#all.length > 0
  }

  /** @returns a function that removes it */
  add(listener: (...values: Arguments) => unknown): () => void {
    if (typeof listener !== "function") throw new TypeError(`atr: a function was expected, not ${String(listener)}`)

    this.#all = [...this.#all, listener]
    return () => {
      this.#all = this.#all.filter((other) => other !== listener)
    }
  }

  tell(...values: Arguments): void {
    for (const listener of this.#all) callSafely(listener, values, this.#failed)
  }
}
