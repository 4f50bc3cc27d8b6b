import { TokenRefused } from '../token/token-refused.ts'

/**
 * The part of a request that holds its token. Requests of `node:http`, and of frameworks built on it, have it.
 *
 * @example
 * ```ts
 * const head: RequestHead = { headers: { authorization: `Bearer ${token}` } }
 * const claims = await authenticate(verifier, head)
 * ```
 */
export interface RequestHead {
  readonly headers: { readonly authorization?: string | undefined }
  /** All Authorization headers of the request. `headers` of `node:http` has the first one only. */
  readonly headersDistinct?: { readonly authorization?: string[] | undefined }
}

/** The request has no token. Its challenge must not contain an error code (RFC 6750, section 3.1). */
export class TokenMissing extends TokenRefused {
  constructor() {
    super('malformed_token', { message: 'Send an access token as "Authorization: Bearer <token>".' })
  }
}

/** `Bearer` in any case (RFC 9110, section 11.1), spaces, and one token68 (RFC 6750, section 2.1). */
const CREDENTIALS = /^bearer +([\w\-.~+/]+=*)$/i
const OTHER_SCHEME = /^(?!bearer(?: |$))[!#$%&'*+.^`|~\w-]+(?: |$)/i

/** Returns the token of the Authorization header. Throws `TokenMissing`, or `TokenRefused` with `malformed_token`. */
export function bearerToken({ headers, headersDistinct }: RequestHead): string {
  const sent = headersDistinct?.authorization ?? [headers.authorization]
  const [value] = sent
  const isSingle = sent.length === 1
  if (value === undefined || (isSingle && OTHER_SCHEME.test(value))) throw new TokenMissing()
  const token = CREDENTIALS.exec(value)?.[1]
  if (token === undefined || !isSingle) {
    throw new TokenRefused('malformed_token', { message: 'Send one "Authorization: Bearer <token>" header.' })
  }
  return token
}
