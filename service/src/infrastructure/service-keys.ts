import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { bearerToken } from '../interface-adapters/http/bearer.ts'
import { TransportError } from '../interface-adapters/http/problem-details.ts'

/** A hook that lets only holders of a service key past. Every key is compared, each in constant time. */
export function requireServiceKey(keys: readonly string[]): (request: FastifyRequest) => Promise<void> {
  const digests = keys.map(digest)
  return (request) => {
    const given = digest(bearerToken(request) ?? '')
    const matching = digests.filter((known) => timingSafeEqual(known, given))
    return matching.length > 0 ? Promise.resolve() : Promise.reject(new TransportError('invalid_service_key'))
  }
}

const digest = (key: string): Buffer => createHash('sha256').update(key).digest()
