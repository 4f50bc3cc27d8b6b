import type { Clock } from '../clock.ts'
import type { GuardedSocket, SilentSocket } from '../socket-types.ts'
import type { AnySocket } from './held-sockets.ts'

/** Code and reason of the close frame (RFC 6455, section 7.4; codes from 4000 are for applications). */
export interface Closing {
  readonly code: number
  readonly reason: string
}

/** How long a client may take to complete the closing handshake. */
const HANDSHAKE_TIMEOUT_MS = 5_000

/** A close frame takes about 50 µs. Thousands in one turn would block the event loop. */
const CLOSE_BATCH = 200

/** A socket that emits messages, such as those of `ws`. */
type MessageEmitter = GuardedSocket & { removeAllListeners?(event: 'message'): unknown }

/** Sockets between their close frame and their end. */
export class ClosingHandshakes {
  readonly #timers: Pick<Clock, 'after'>
  /** With the function that cancels the timeout of the handshake. */
  readonly #closing = new Map<AnySocket, () => void>()

  constructor(timers: Pick<Clock, 'after'>) {
    this.#timers = timers
  }

  has(socket: AnySocket): boolean {
    return this.#closing.has(socket)
  }

  /** Stops the messages of all of these sockets, and closes them in batches. */
  begin(sockets: readonly AnySocket[], closing: Closing): void {
    for (const socket of sockets) this.#silence(socket)
    // Nothing but its end stops the messages of a silent socket.
    for (const socket of sockets.filter(isSilent)) this.#send(socket, closing)
    this.#sendEach(
      sockets.filter((socket) => !isSilent(socket)),
      closing,
    )
  }

  /** To be called when the socket has closed. */
  end(socket: AnySocket): void {
    this.#closing.get(socket)?.()
    this.#closing.delete(socket)
  }

  /** Removes the message listeners: until the client completes the handshake, its messages would still arrive. */
  #silence(socket: AnySocket): void {
    this.#closing.set(socket, nothing)
    tryTo(() => (socket as MessageEmitter).removeAllListeners?.('message'))
  }

  #sendEach(sockets: readonly AnySocket[], closing: Closing): void {
    for (const socket of sockets.slice(0, CLOSE_BATCH)) this.#send(socket, closing)
    const rest = sockets.slice(CLOSE_BATCH)
    if (rest.length > 0) this.#timers.after(0, () => this.#sendEach(rest, closing))
  }

  #send(socket: AnySocket, { code, reason }: Closing): void {
    // The client may have closed it before its turn.
    if (!this.#closing.has(socket)) return
    this.#closing.set(
      socket,
      this.#timers.after(HANDSHAKE_TIMEOUT_MS, () => this.#terminate(socket)),
    )
    const hasClosed = tryTo(() => {
      if (isSilent(socket)) socket.end(code, reason)
      else socket.close(code, reason)
    })
    if (!hasClosed) this.#terminate(socket)
  }

  #terminate(socket: AnySocket): void {
    this.end(socket)
    tryTo(() => {
      if (isSilent(socket)) socket.close()
      else socket.terminate?.()
    })
  }
}

export const isSilent = (socket: AnySocket): socket is SilentSocket => typeof socket.once !== 'function'

const nothing = (): void => undefined

/** Returns false if `action` throws. A socket that throws must not keep the others open. */
function tryTo(action: () => void): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}
