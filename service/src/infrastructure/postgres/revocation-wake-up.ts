import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { LISTENER, withName } from './application-name.ts'
import { REVOCATIONS_CHANNEL } from './postgres-revocation-log.ts'

const RETRY_MS = 2_000
const RESPONSE_MS = 2_000
/** With the response and a new connection, a half-open connection is replaced within ten seconds. */
const PROBE_MS = 3_000

/**
 * Calls `wake` whenever another instance has numbered revocations. It is only a hint: if the connection is down, or a pooler
 * in between does not pass LISTEN on, the log is still read every second.
 */
export class RevocationWakeUp {
  readonly #url: string
  readonly #wake: () => void
  #client: pg.Client | undefined
  #retry: NodeJS.Timeout | undefined
  readonly #probeMs: number
  #probe: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(url: string, wake: () => void, probeMs = PROBE_MS) {
    this.#url = url
    this.#probeMs = probeMs
    this.#wake = wake
  }

  /** Resolves when it listens, or when the first attempt failed. Then it keeps trying. */
  async start(): Promise<void> {
    const client = new pg.Client({
      connectionString: withName(this.#url, LISTENER),
      keepAlive: true,
      connectionTimeoutMillis: 3_000,
    })
    this.#client = client
    client.on('notification', this.#wake)
    // After an error the connection always ends, or it was never made.
    client.on('error', () => undefined)
    try {
      await client.connect()
      client.once('end', () => this.#startLater())
      await client.query(`listen ${REVOCATIONS_CHANNEL}`)
      this.#probeLater(client)
      // Revocations may have been numbered before it listened.
      this.#wake()
    } catch {
      client.removeAllListeners('end')
      void client.end().catch(() => undefined)
      this.#startLater()
    }
  }

  /** Asks on the same connection: if it does not respond, it does not listen. */
  async isListening(): Promise<boolean> {
    return this.#client !== undefined && (await channelOf(this.#client)) === REVOCATIONS_CHANNEL
  }

  /**
   * A connection that the network dropped without a word looks open for hours. One that responds and does not listen is
   * kept: a pooler gave it another server connection, and would do so again.
   */
  #probeLater(client: pg.Client): void {
    this.#probe = setTimeout(() => {
      void channelOf(client).then((channel) => {
        if (this.#isStopped || this.#client !== client) return
        if (channel !== 'no response') this.#probeLater(client)
        else void client.end().catch(() => undefined)
      })
    }, this.#probeMs).unref()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#retry)
    clearTimeout(this.#probe)
    await this.#client?.end().catch(() => undefined)
  }

  #startLater(): void {
    if (this.#isStopped) return
    // At a random time, because the other instances lost the same database.
    this.#retry = setTimeout(() => void this.start(), RETRY_MS * (0.5 + Math.random())).unref()
  }
}

/** The channel that the connection listens on, `no response`, or undefined for none. */
async function channelOf(client: pg.Client): Promise<string | undefined> {
  const asked = client.query<{ channel: string }>('select pg_listening_channels() as channel')
  const late = delay(RESPONSE_MS, undefined, { ref: false })
  return Promise.race([asked, late]).then(
    (response) => (response === undefined ? 'no response' : response.rows[0]?.channel),
    () => 'no response',
  )
}
