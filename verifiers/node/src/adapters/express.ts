import { TokenRefused } from '../token-refused.ts'
import type { Claims, Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { answerRefusal, authenticate, type Answerable } from './http.ts'

declare global {
  // Express merges this name into its own request type.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      /** Of the access token; there wherever `requireToken` ran. */
      claims?: Claims
    }
  }
}

export type Middleware = (
  request: RequestHead & { claims?: Claims },
  response: Answerable,
  next: (error?: unknown) => void,
) => Promise<void>

/** Express middleware (4 and 5): sets `request.claims`, or answers 401 or 503 itself. */
export const requireToken =
  (verifier: Pick<Verifier, 'verify'>): Middleware =>
  async (request, response, next) => {
    try {
      request.claims = await authenticate(verifier, request)
    } catch (error) {
      // Express 4 does not look at promises: nothing may be thrown from here.
      if (error instanceof TokenRefused) answerRefusal(response, error)
      else next(error)
      return
    }
    next()
  }
