import type { FastifyInstance } from 'fastify'
import { TransportError } from './problem-details.ts'

/** Lets the routes of this scope take forms (RFC 1866) as well. A field that is sent twice is a list, and no text. */
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
  const form = new URLSearchParams(text)
  const fields = [...new Set(form.keys())].map((name) => {
    const values = form.getAll(name)
    return [name, values.length === 1 ? values[0] : values] as const
  })
  return Object.fromEntries(fields)
}
