// Simulates network faults between the service and its database, or between a verifier and the service.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Forwards nothing in either direction, and closes nothing: neither side notices the fault. */
  stall(): void
  /** Resets every open connection and every new one. */
  cut(): void
  /** Delays the data from the target by `ms`; 0 ends the delay. */
  delay(ms: number): void
  /** Forwards data again. Stalled connections continue where they stopped, unless they are to stay half-open. */
  heal(options?: { readonly keepStalled: boolean }): void
  /** Sends new connections to this target and resets the open ones, as when a virtual address moves. */
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
    // Always writes the oldest chunk, so chunks stay in order even if the delay changes.
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
    heal: ({ keepStalled } = { keepStalled: false }) => {
      state = 'open'
      if (keepStalled) return
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
