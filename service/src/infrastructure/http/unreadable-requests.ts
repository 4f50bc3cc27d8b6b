import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { TransportError } from '../interface-adapters/http/problem-details.ts'

/**
 * Refuses what Node's server would otherwise answer without a problem document: no Host, or several (RFC 9112, section
 * 3.2), and expectations but 100-continue (RFC 9110, section 10.1.1).
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

/** Of several Node keeps the first and says nothing. */
const countHosts = ({ rawHeaders }: IncomingMessage): number =>
  rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'host').length
