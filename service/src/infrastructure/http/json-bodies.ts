import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { TransportError } from '../../interface-adapters/http/transport-error.ts'

/**
 * Accepts only JSON in UTF-8 (RFC 8259, section 8.1). Other bytes are refused: if U+FFFD replaced them, different passwords
 * would become the same one. An empty body counts as no body.
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
