import type { FastifyInstance } from 'fastify'
import { TransportError } from './transport-error.ts'

/** Lets the routes of this scope accept forms (RFC 1866) too. A field that is sent twice becomes an array. */
export function readForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (request, body, done) => {
      const encoding = request.headers['content-encoding'] ?? 'identity'
      if (encoding !== 'identity') done(new TransportError('unsupported_media_type'))
      else done(null, parseForm(String(body)))
    },
  )
}

function parseForm(text: string): Record<string, unknown> {
  // In one pass: to look each name up again would take a form of thousands of names 80 ms.
  const pairs = Map.groupBy(new URLSearchParams(text), ([name]) => name)
  const fields = [...pairs].map(([name, same]) => {
    const values = same.map(([, value]) => value)
    return [name, values.length === 1 ? values[0] : values] as const
  })
  return Object.fromEntries(fields)
}
