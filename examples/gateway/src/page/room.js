// The socket, and what keeps it: a ticket to open it, a new token before the old one runs out, and what each close code
// of the gateway asks for.
import { accessToken, ask, millisecondsToRefresh, refresh, SessionEnded } from './auth.js'

const SESSION_ENDED = 4401
const TOKEN_EXPIRED = 4408
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 8_000

/** Tells of `status`, `message`, `note` (for the curious) and, once, `end`: the session is over. */
export class Room extends EventTarget {
  #socket
  #timer
  #attempts = 0
  #isAsking = false
  #hasLeft = false
  /** Somebody whose network is back does not want to wait. */
  #onOnline = () => {
    if (this.#socket === undefined && !this.#isAsking) void this.#connect()
  }

  enter() {
    addEventListener('online', this.#onOnline)
    void this.#connect()
  }

  say(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#send({ type: 'say', text })
    return true
  }

  leave() {
    this.#hasLeft = true
    clearTimeout(this.#timer)
    removeEventListener('online', this.#onOnline)
    this.#socket?.close(1000)
  }

  #tell(type, detail) {
    if (!this.#hasLeft) this.dispatchEvent(new CustomEvent(type, { detail }))
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message))
  }

  async #connect() {
    clearTimeout(this.#timer)
    this.#tell('status', this.#attempts === 0 ? 'connecting' : 'reconnecting')
    this.#isAsking = true
    try {
      const { ticket } = await ask('POST', '/v1/tickets')
      if (!this.#hasLeft) this.#open(ticket)
    } catch (problem) {
      this.#recover(problem)
    } finally {
      this.#isAsking = false
    }
  }

  #open(ticket) {
    const address = `${location.origin.replace('http', 'ws')}/room?ticket=${encodeURIComponent(ticket)}`
    const socket = new WebSocket(address)
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(data)))
    socket.addEventListener('close', ({ code, reason }) => {
      this.#socket = undefined
      clearTimeout(this.#timer)
      if (!this.#hasLeft) void this.#closed(code, reason)
    })
  }

  #hear(message) {
    if (message.type === 'welcome') {
      this.#attempts = 0
      this.#tell('status', 'connected')
      this.#tell('note', 'Socket opened with a one-time ticket')
      this.#renewInTime()
    } else if (message.type === 'renewed') {
      this.#tell('note', 'New token sent in-band: the socket stays')
    } else if (message.type === 'refused') {
      this.#tell('note', `The gateway refused a message: ${message.code}`)
    }
    this.#tell('message', message)
  }

  #renewInTime(waitMs = millisecondsToRefresh()) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#renew(), waitMs)
  }

  async #renew() {
    try {
      await refresh()
      if (this.#socket?.readyState !== WebSocket.OPEN) return
      this.#send({ type: 'renew', access_token: accessToken() })
      this.#renewInTime()
    } catch (problem) {
      if (problem instanceof SessionEnded) this.#end(problem.reason)
      // The present token is still good for a while.
      else if (this.#socket !== undefined) this.#renewInTime(FIRST_WAIT_MS * 4)
    }
  }

  async #closed(code, reason) {
    this.#tell('note', `Socket closed: ${code} ${reason}`)
    if (code !== SESSION_ENDED && code !== TOKEN_EXPIRED) return this.#retryLater()
    try {
      // After 4408 for a new token; after 4401 to hear why, for no token will come.
      await refresh()
      await this.#connect()
    } catch (problem) {
      if (code === SESSION_ENDED) this.#end(problem.reason, code)
      else this.#recover(problem)
    }
  }

  #recover(problem) {
    if (problem instanceof SessionEnded) this.#end(problem.reason)
    else this.#retryLater()
  }

  /** Doubling waits, each shortened by chance, so that not everybody is back at the same moment. */
  #retryLater() {
    if (this.#hasLeft) return
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts)
    this.#attempts += 1
    this.#tell('status', 'reconnecting')
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), longest * (0.5 + Math.random() / 2))
  }

  #end(reason, code) {
    this.#tell('end', { reason, code })
    this.leave()
  }
}
