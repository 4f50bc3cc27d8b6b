import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { TransportError } from '../../interface-adapters/http/transport-error.ts'

/**
 * Refuses, with a problem document, requests that Node's server would refuse without one: a missing or repeated Host
 * header (RFC 9112, section 3.2), and any expectation but 100-continue (RFC 9110, section 10.1.1).
 */
export function refuseUnreadableRequests(app: FastifyInstance): void {
  const unmet = new WeakSet<IncomingMessage>()
  app.server.on('checkExpectation', (request, response) => {
    unmet.add(request)
    app.server.emit('request', request, response)
  })
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (unmet.has(raw)) done(new TransportError('expectation_failed'))
    else if (raw.httpVersion === '1.1' && countHosts(raw) !== 1) done(new TransportError('malformed_request'))
    else done()
  })
}

/** Counts the raw headers, because Node silently keeps only the first one. */
const countHosts = ({ rawHeaders }: IncomingMessage): number =>
  rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'host').length
