import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'

/** Short, because the content changes with the version of the service. Then the ETag saves the download. */
const CACHE = 'public, max-age=300'
const GZIP = /\bgzip\b(?! *; *q=0(?:\.0*)?(?![.\d]))/i

interface Encoded {
  readonly plain: Buffer
  readonly gzipped: Buffer
  /** In quotes. Weak, because both encodings share it (RFC 9110, section 8.8.1). */
  readonly etag: string
}

export type ReadyMade = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

/**
 * A large response that is the same for everybody. It is read, compressed and hashed once, on the first request, so that
 * the others cost only the sending.
 */
export function readyMade(type: string, read: () => Promise<Buffer>): ReadyMade {
  let encoded: Promise<Encoded> | undefined
  return async (request, reply) => {
    encoded ??= read().then(encode)
    // A failure, as of a process without free file descriptors, must not stay.
    encoded.catch(() => (encoded = undefined))
    const { plain, gzipped, etag } = await encoded
    void reply.headers({ 'cache-control': CACHE, vary: 'accept-encoding', etag: `W/${etag}` })
    if (request.headers['if-none-match']?.includes(etag) === true) return reply.code(304).send()
    void reply.type(type)
    if (!GZIP.test(String(request.headers['accept-encoding']))) return reply.send(plain)
    return reply.header('content-encoding', 'gzip').send(gzipped)
  }
}

async function encode(plain: Buffer): Promise<Encoded> {
  const gzipped = await promisify(gzip)(plain, { level: constants.Z_BEST_COMPRESSION })
  return { plain, gzipped, etag: `"${createHash('sha256').update(plain).digest('base64url')}"` }
}
