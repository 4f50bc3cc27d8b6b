import * as http from 'node:http'
import * as https from 'node:https'
import { DeliveryFailed } from '../../application/ports/event-consumer.ts'
import {
  isPublicAddress,
  literalAddress,
  publicLookup,
  systemResolve,
  type Resolve,
} from './public-addresses.ts'

/** From the look-up of the name to the last byte that is read. */
const TIME_LIMIT_MS = 5_000
/** Of an answer's headers, and of its body; what is more is not read. */
const SIZE_LIMIT_BYTES = 16 * 1024

export interface OutgoingPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface OutgoingOptions {
  /** Whether addresses of this machine and of private networks are called. */
  readonly allowPrivate: boolean
  readonly resolve?: Resolve
  readonly timeLimitMs?: number
}

export type Post = (post: OutgoingPost) => Promise<number>

/**
 * Calls somebody else's server, which may be anybody's, and answers its status; nothing else it says is used. A redirect
 * is a status like any other. Rejects with `DeliveryFailed` when no answer comes in time, or the address is private.
 */
export const safePost =
  ({ allowPrivate, resolve = systemResolve, timeLimitMs = TIME_LIMIT_MS }: OutgoingOptions): Post =>
  async ({ url, headers, body }) => {
    const target = new URL(url)
    if (!allowPrivate && target.protocol !== 'https:') throw new DeliveryFailed('the address is not https')
    const address = literalAddress(target)
    if (!allowPrivate && address !== undefined && !isPublicAddress(address)) {
      throw new DeliveryFailed('the address is private')
    }
    const signal = AbortSignal.timeout(timeLimitMs)
    const { request } = target.protocol === 'https:' ? https : http
    try {
      return await exchange(
        request(target, {
          method: 'POST',
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
          maxHeaderSize: SIZE_LIMIT_BYTES,
          // A connection of its own, so that each goes to an address that was just checked.
          agent: false,
          signal,
          ...(!allowPrivate && { lookup: publicLookup(resolve) }),
        }),
        body,
      )
    } catch (error) {
      throw toFailure(error, signal, timeLimitMs)
    }
  }

function exchange(request: http.ClientRequest, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // Once the status has been said it counts, whatever becomes of the rest.
    let status: number | undefined
    const end = (failure: Error): void => (status === undefined ? reject(failure) : resolve(status))
    request.on('response', (response) => {
      status = response.statusCode
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > SIZE_LIMIT_BYTES) response.destroy()
      })
      response.on('error', end)
    })
    request.on('error', end)
    // Without a status: as when it wants to speak another protocol.
    request.on('close', () => end(new DeliveryFailed('the connection ended without an answer')))
    request.end(body)
  })
}

/** In words of our own: an error's message may hold the address, and addresses may hold secrets. */
function toFailure(error: unknown, signal: AbortSignal, timeLimitMs: number): DeliveryFailed {
  if (error instanceof DeliveryFailed) return error
  if (signal.aborted) return new DeliveryFailed(`no answer within ${timeLimitMs / 1000} seconds`)
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
  return new DeliveryFailed(`the call failed: ${code}`, { cause: error })
}
