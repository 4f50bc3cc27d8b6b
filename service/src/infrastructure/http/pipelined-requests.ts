import type { FastifyInstance } from 'fastify'
import type { Socket } from 'node:net'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'

/** Far more than a client has open if it reads its responses. */
const MAXIMUM_PENDING = 32

/**
 * Closes a connection on which a client sends more and more requests without reading the responses. Node would accept a
 * thousand requests from one packet, handle them in parallel, and buffer every response.
 */
export function limitPipelining(app: FastifyInstance): void {
  const pending = new WeakMap<Socket, number>()
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const count = (pending.get(socket) ?? 0) + 1
    pending.set(socket, count)
    if (count <= MAXIMUM_PENDING && !socket.destroyed) {
      done()
      return
    }
    if (!socket.destroyed)
      request.log.info({ event: 'http.cut_off', unanswered: count, ip: clientAddress(request).text })
    // The connection is gone, so the request is not handled.
    reply.hijack()
    socket.destroy()
  })
  // Runs when the operating system has accepted the response, which it does only while the client reads.
  app.addHook('onResponse', ({ raw: { socket } }, _reply, done) => {
    pending.set(socket, (pending.get(socket) ?? 1) - 1)
    done()
  })
}
