import type { CanActivate, HttpException } from '@nestjs/common'
import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { authenticate } from './http.ts'
import { refusalResponse } from './refusal-response.ts'

/** A request of Express, or of Fastify with the request of `node:http` inside. */
type Request = RequestHead & { readonly raw?: RequestHead; claims?: Claims }

interface Response {
  header(name: string, value: string): unknown
}

/**
 * NestJS guard that sets `request.claims`, or refuses with 401 or 503 (RFC 6750, section 3). With requirements, a user
 * who authenticated too long ago gets the challenge of RFC 9470. It works with Express and Fastify, on routes, controllers
 * and as a global guard. NestJS reads the body before it asks a guard. A
 * refusal is an `HttpException` whose cause is the `TokenRefused`.
 *
 * @example
 * ```ts
 * app.useGlobalGuards(requireToken(verifier))
 *
 * @Controller()
 * class Payments {
 *   @Post('payments')
 *   @UseGuards(requireToken(verifier, { maxAgeSeconds: 600 }))
 *   pay(@Req() { claims }: { claims: Claims }) {
 *     return { user_id: claims.user_id }
 *   }
 * }
 * ```
 */
export const requireToken = (
  verifier: Pick<Verifier, 'verify'>,
  requirements?: AuthenticationRequirements,
): CanActivate => ({
  async canActivate(context) {
    if (context.getType() !== 'http') {
      throw new Error('requireToken guards HTTP routes only. Guard sockets with verifier.guardSockets().')
    }
    const http = context.switchToHttp()
    const request = http.getRequest<Request>()
    try {
      request.claims = await authenticate(verifier, request.raw ?? request, requirements)
      return true
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      throw await refuse(http.getResponse<Response>(), error)
    }
  },
})

/** NestJS writes the body and its length. It keeps the other headers. */
async function refuse(response: Response, refusal: TokenRefused): Promise<HttpException> {
  // Imported when it is needed, so that the module loads without it, as tools that list exports do.
  const { HttpException } = await import('@nestjs/common')
  const { status, headers, body } = refusalResponse(refusal)
  for (const [name, value] of Object.entries(headers)) {
    if (name !== 'content-length') response.header(name, value)
  }
  return new HttpException(JSON.parse(body) as Record<string, unknown>, status, { cause: refusal })
}
