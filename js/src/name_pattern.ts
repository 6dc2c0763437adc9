/** As the server has them: with others it would refuse the `hello`. */
const MOST_PATTERNS = 100
const MOST_BYTES = 255
const PATTERN = /^(?:[^\s\p{Cc}{}*]+|(?:[^\s\p{Cc}{}*]*\.)?\*)$/u

/**
 * Which names of events are meant: a name, or a prefix that ends in a dot and `*`. `post.*` is whatever begins with `post.`, `*` is
 * everything.
 */
export class NamePattern {
  readonly text: string
  readonly #prefix: string | null

  /** @throws TypeError for what is no pattern: that is a mistake in the program, to be seen at once */
  constructor(text: string) {
    if (typeof text !== "string" || !PATTERN.test(text)) {
      throw new TypeError(`atr: ${JSON.stringify(text)} is neither a name nor the beginning of names, as post.* is`)
    }
    this.text = text
    this.#prefix = text.endsWith("*") ? text.slice(0, -1) : null
  }

  matches(name: string): boolean {
    return this.#prefix === null ? name === this.text : name.startsWith(this.#prefix)
  }
}

/** The filter of a connection: which events the server is asked for. */
export class NameFilter {
  readonly names: string[]
  readonly #patterns: NamePattern[]

  /** @throws TypeError for what the server would not take */
  constructor(names: readonly string[]) {
    if (!Array.isArray(names)) throw new TypeError("atr: names has to be an Array")
    if (names.length > MOST_PATTERNS) throw new TypeError(`atr: ${names.length} names are more than ${MOST_PATTERNS}`)

    this.#patterns = names.map((name) => new NamePattern(name))
    const long = names.find((name) => new TextEncoder().encode(name).length > MOST_BYTES)
    if (long !== undefined) throw new TypeError(`atr: the name ${long} is longer than ${MOST_BYTES} bytes`)
    this.names = [...names]
  }

  admits(name: string): boolean {
    return this.#patterns.some((pattern) => pattern.matches(name))
  }
}
