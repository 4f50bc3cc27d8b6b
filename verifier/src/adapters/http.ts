import { TokenRefused } from '../token-refused.ts'
import type { Claims, Verifier } from '../types.ts'
import { bearerToken, type RequestHead } from './bearer-token.ts'
import { refusalAnswer } from './refusal-answer.ts'

export type { RequestHead } from './bearer-token.ts'

/** As much of `http.ServerResponse` as an answer takes. */
export interface Answerable {
  writeHead(status: number, headers: Record<string, string>): unknown
  end(body: string): unknown
}

/** The claims of a request's access token; throws TokenRefused, which `answerRefusal` knows how to answer. */
export const authenticate = async (
  verifier: Pick<Verifier, 'verify'>,
  request: RequestHead,
): Promise<Claims> => verifier.verify(bearerToken(request))

/**
 * Answers a refused request: 401 with a challenge, or 503 where the token could not be checked.
 * Whatever is no TokenRefused is thrown on.
 */
export function answerRefusal(response: Answerable, refusal: unknown): void {
  if (!(refusal instanceof TokenRefused)) throw refusal
  const { status, headers, body } = refusalAnswer(refusal)
  response.writeHead(status, { ...headers })
  response.end(body)
}
