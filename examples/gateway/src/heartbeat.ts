import type { WebSocket } from 'ws'

const EVERY_MS = 30_000

/** Pings each socket and cuts off those without a pong since the last ping: a dead connection is silent. */
export function keepAlive(sockets: ReadonlyMap<WebSocket, unknown>): () => void {
  const unanswered = new WeakSet<WebSocket>()
  const timer = setInterval(() => {
    for (const socket of sockets.keys()) {
      if (unanswered.has(socket)) {
        socket.terminate()
        continue
      }
      unanswered.add(socket)
      socket.once('pong', () => unanswered.delete(socket))
      socket.ping()
    }
  }, EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
