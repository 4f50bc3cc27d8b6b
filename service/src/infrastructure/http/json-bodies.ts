import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { TransportError } from '../interface-adapters/http/problem-details.ts'

/**
 * Takes JSON in UTF-8 (RFC 8259, section 8.1) and no other body. Bytes that are no UTF-8 are refused: with U+FFFD in their
 * place, different passwords would be the same. An empty body counts as none.
 */
export function readJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const encoding = request.headers['content-encoding'] ?? 'identity'
    const text = decode(body as Buffer)
    if (encoding !== 'identity') done(new TransportError('unsupported_media_type'), undefined)
    else if (text === undefined) done(new TransportError('malformed_request'), undefined)
    else if (text === '') done(null, undefined)
    else void parse(request, text, done)
  })
}

const decode = (bytes: Buffer): string | undefined => (isUtf8(bytes) ? bytes.toString() : undefined)
