import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import { bearerToken, type RequestHead } from './bearer-token.ts'
import { refusalResponse } from './refusal-response.ts'

export type { RequestHead } from './bearer-token.ts'

/**
 * The part of `http.ServerResponse` that `sendRefusal` needs.
 *
 * @example
 * ```ts
 * createServer((request, response: ResponseLike) => sendRefusal(response, new TokenRefused('expired')))
 * ```
 */
export interface ResponseLike {
  writeHead(status: number, headers: Record<string, string>): unknown
  end(body: string): unknown
}

/**
 * Returns the claims of the request's access token (RFC 6750, section 2.1). Throws `TokenRefused`, to be passed to
 * `sendRefusal`. With requirements, a user who authenticated too long ago is refused, too (RFC 9470).
 *
 * @example
 * ```ts
 * const claims = await authenticate(verifier, request)
 * await authenticate(verifier, request, { maxAgeSeconds: 600 })
 * ```
 */
export const authenticate = async (
  verifier: Pick<Verifier, 'verify'>,
  request: RequestHead,
  requirements?: AuthenticationRequirements,
): Promise<Claims> => verifier.verify(bearerToken(request), requirements)

/**
 * Responds to a refused request with problem details (RFC 9457): 401 with a challenge, or 503 if the token could not be
 * checked. Rethrows any error that is not a `TokenRefused`.
 *
 * @example
 * ```ts
 * try {
 *   const claims = await authenticate(verifier, request)
 * } catch (error) {
 *   sendRefusal(response, error)
 * }
 * ```
 */
export function sendRefusal(response: ResponseLike, refusal: unknown): void {
  if (!(refusal instanceof TokenRefused)) throw refusal
  const { status, headers, body } = refusalResponse(refusal)
  response.writeHead(status, { ...headers })
  response.end(body)
}
