import { TokenRefused } from '../token-refused.ts'

/** As much of a request as it takes to find its token; that of `node:http` and of every framework on it. */
export interface RequestHead {
  readonly headers: { readonly authorization?: string | undefined }
  /** Every Authorization header that was sent, where Node's `headers` silently keeps the first. */
  readonly headersDistinct?: { readonly authorization?: string[] | undefined }
}

/** No token was sent at all: RFC 6750 then asks for a challenge without an error code. */
export class TokenMissing extends TokenRefused {
  constructor() {
    super('malformed_token', { message: 'Send an access token as "Authorization: Bearer <token>".' })
  }
}

/** `Bearer`, in any case (RFC 9110, 11.1), spaces, and one token68 (RFC 6750, 2.1). */
const CREDENTIALS = /^bearer +([\w\-.~+/]+=*)$/i
const OTHER_SCHEME = /^(?!bearer(?: |$))[!#$%&'*+.^`|~\w-]+(?: |$)/i

/** The token of a request's one Authorization header; throws TokenMissing, or TokenRefused `malformed_token`. */
export function bearerToken({ headers, headersDistinct }: RequestHead): string {
  const sent = headersDistinct?.authorization ?? [headers.authorization]
  const [value] = sent
  const isOne = sent.length === 1
  if (value === undefined || (isOne && OTHER_SCHEME.test(value))) throw new TokenMissing()
  const token = CREDENTIALS.exec(value)?.[1]
  if (token === undefined || !isOne) {
    throw new TokenRefused('malformed_token', { message: 'Send one "Authorization: Bearer <token>" header.' })
  }
  return token
}
