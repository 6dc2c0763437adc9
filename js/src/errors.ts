/**
 * Something that a developer should look at; the client goes on. Its `code` is one of the server's (docs/protocol.md: `error`), or
 *
 * - `handler`: a handler has thrown, or its promise was rejected; `cause` has the exception
 * - `token`: the function that gives the token has failed; `cause` has the exception
 * - `transport`: a connection could not even be tried, or what answers there is no atr
 * - `malformed_message`: what came is none of the protocol
 * - `malformed_position`: the page's meta tag, or the option `positions`, is not what the server gave
 */
export class AtrError extends Error {
  override readonly name = "AtrError"
  readonly code: string
  /** What to do about it, if the server has said so. */
  readonly help: string | null

  constructor(code: string, message: string, { help = null, cause }: { help?: string | null; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.help = help
  }
}
