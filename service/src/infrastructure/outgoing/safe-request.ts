import * as http from 'node:http'
import * as https from 'node:https'
import { DeliveryFailed } from '../../application/ports/event-consumer.ts'
import { isPublicAddress, literalAddress } from '../settings/public-addresses.ts'
import { publicLookup, systemResolve, type Resolve } from './public-lookup.ts'

/** From resolving the name until the last byte is read. */
const TIME_LIMIT_MS = 5_000
/** For the headers of a response, and for its body. The rest is not read. */
const SIZE_LIMIT_BYTES = 16 * 1024

export interface OutgoingPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface OutgoingOptions {
  /** Allows calls to this machine and to private networks, and calls without TLS. */
  readonly allowPrivate: boolean
  readonly resolve?: Resolve
  readonly timeLimitMs?: number
}

export type Post = (post: OutgoingPost) => Promise<number>

/**
 * Posts to a server that is not trusted, and returns the status of the response. Nothing else in the response is used, and
 * redirects are not followed. Rejects with `DeliveryFailed` if no response arrives in time, or if the address is private.
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
          // Each call opens a connection, so that it goes to an address that was just checked.
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
    // Once the status has arrived it counts, even if the rest of the response fails.
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
    // A connection can close without a status, for example after a switch of protocols.
    request.on('close', () => end(new DeliveryFailed('the connection ended without a response')))
    request.end(body)
  })
}

/** Does not pass the message of the error on: it may contain the address, and addresses may hold secrets. */
function toFailure(error: unknown, signal: AbortSignal, timeLimitMs: number): DeliveryFailed {
  if (error instanceof DeliveryFailed) return error
  if (signal.aborted) return new DeliveryFailed(`no response within ${timeLimitMs / 1000} seconds`)
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
  return new DeliveryFailed(`the call failed: ${code}`, { cause: error })
}
