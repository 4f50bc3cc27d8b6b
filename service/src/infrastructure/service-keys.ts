import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { bearerToken } from '../interface-adapters/http/bearer.ts'
import { TransportError } from '../interface-adapters/http/problem-details.ts'

/** A hook that lets only holders of a service key past. Every key is compared, each in constant time. */
export function requireServiceKey(keys: readonly string[]): (request: FastifyRequest) => Promise<void> {
  // It would be the key of everybody who sends none.
  if (keys.includes('')) throw new Error('a service key is empty')
  const digests = keys.map(digest)
  return (request) => {
    const token = bearerToken(request) ?? ''
    return token !== '' && isOneOf(digests, digest(token))
      ? Promise.resolve()
      : Promise.reject(new TransportError('invalid_service_key'))
  }
}

const isOneOf = (digests: readonly Buffer[], given: Buffer): boolean =>
  digests.filter((known) => timingSafeEqual(known, given)).length > 0

const digest = (key: string): Buffer => createHash('sha256').update(key).digest()
