import type { FastifyInstance, FastifyRequest } from 'fastify'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'

/** Parsing a chunk takes several microseconds, whatever its size, and 64 KiB that arrive together may hold 10,000. */
const TINY_BYTES = 128
/** Far more than a client sends that writes its form in pieces. */
const MAXIMUM_TINY_CHUNKS = 500

/** Closes the connection of a request whose body consists of tiny chunks (RFC 9112, section 7.1). */
export function limitTinyChunks(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.headers['transfer-encoding'] !== undefined) watchChunks(request)
    done()
  })
}

/** Every chunk is pushed on its own. To listen to `data` instead would start the body before its reader is ready. */
function watchChunks(request: FastifyRequest): void {
  const { raw, log } = request
  const push = raw.push.bind(raw)
  let tiny = 0
  raw.push = (chunk: Buffer | null, encoding): boolean => {
    if (tiny > MAXIMUM_TINY_CHUNKS) return false
    if (chunk !== null && chunk.length < TINY_BYTES) tiny += 1
    if (tiny <= MAXIMUM_TINY_CHUNKS) return push(chunk, encoding)
    log.info({ event: 'http.cut_off', tiny_chunks: tiny, ip: clientAddress(request).text })
    raw.socket.destroy()
    return false
  }
}
