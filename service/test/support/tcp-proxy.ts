// Stands between the service and its database, or a verifier and the service, to do what networks do.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Carries nothing more, in either direction, and closes nothing: a cut that nobody is told of. */
  stall(): void
  /** Resets every connection and every one that comes. */
  cut(): void
  /** Carries what comes from the target that much later, without a word of it; 0 ends that. */
  delay(ms: number): void
  /** Carries again what comes. Connections that were stalled go on where they stopped. */
  heal(): void
  /** Leads there whoever connects from now on, and resets the others, as a virtual address that moves does. */
  aim(target: Target): void
  close(): Promise<void>
}

interface Target {
  readonly host: string
  readonly port: number
}

export const targetOf = (url: string): Target => ({
  host: new URL(url).hostname,
  port: Number(new URL(url).port),
})

export async function startTcpProxy(first: Target): Promise<TcpProxy> {
  let target = first
  let state: 'open' | 'stalled' | 'cut' = 'open'
  let delayMs = 0
  const sockets = new Set<Socket>()

  function keep(socket: Socket, deliver: (chunk: Buffer) => void, other: Socket): void {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
    socket.on('data', deliver)
    if (state === 'stalled') socket.pause()
  }

  function carryBack(chunk: Buffer, near: Socket, waiting: Buffer[]): void {
    if (delayMs === 0 && waiting.length === 0) {
      near.write(chunk)
      return
    }
    waiting.push(chunk)
    // Whatever the delay is by then, the chunk whose turn it is: none overtakes another.
    setTimeout(() => near.write(waiting.shift() ?? ''), delayMs)
  }

  const server = createServer((near) => {
    if (state === 'cut') {
      near.resetAndDestroy()
      return
    }
    const far = connect(target)
    keep(near, (chunk) => far.write(chunk), far)
    const waiting: Buffer[] = []
    keep(far, (chunk) => carryBack(chunk, near, waiting), near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    stall: () => {
      state = 'stalled'
      for (const socket of sockets) socket.pause()
    },
    cut: () => {
      state = 'cut'
      for (const socket of sockets) socket.resetAndDestroy()
    },
    delay: (ms) => (delayMs = ms),
    heal: () => {
      state = 'open'
      for (const socket of sockets) socket.resume()
    },
    aim: (next) => {
      target = next
      for (const socket of sockets) socket.resetAndDestroy()
    },
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
