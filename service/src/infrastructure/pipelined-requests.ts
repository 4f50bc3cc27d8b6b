import type { FastifyInstance } from 'fastify'
import type { Socket } from 'node:net'

/** Far more than a client has open that takes its answers. */
const MOST_UNANSWERED = 32

/**
 * Cuts off whoever asks for more and more on one connection without taking the answers. Node would take in a thousand
 * requests from one packet, work on all of them at once, and keep each answer until those before it are taken.
 */
export function limitPipelining(app: FastifyInstance): void {
  const unanswered = new WeakMap<Socket, number>()
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const count = (unanswered.get(socket) ?? 0) + 1
    unanswered.set(socket, count)
    if (count <= MOST_UNANSWERED && !socket.destroyed) {
      done()
      return
    }
    if (!socket.destroyed) request.log.info({ event: 'http.cut_off', unanswered: count, ip: request.ip })
    // Nothing is done for this one: whoever asked is not there any more.
    reply.hijack()
    socket.destroy()
  })
  // When the system has taken it, which it does not from whoever takes no answers.
  app.addHook('onResponse', ({ raw: { socket } }, _reply, done) => {
    unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1)
    done()
  })
}
