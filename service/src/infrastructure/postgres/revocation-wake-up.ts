import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { REVOCATIONS_CHANNEL } from './postgres-revocation-log.ts'

const RETRY_MS = 2_000
const ANSWER_MS = 2_000

/**
 * Calls `wake` whenever another instance has numbered revocations. Only a hint: when the connection is away, or a pooler
 * between does not pass LISTEN on, the log is still read every second.
 */
export class RevocationWakeUp {
  readonly #url: string
  readonly #wake: () => void
  #client: pg.Client | undefined
  #retry: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(url: string, wake: () => void) {
    this.#url = url
    this.#wake = wake
  }

  /** Resolves once it listens or has failed to for the first time; it goes on trying. */
  async start(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'chat-auth feed',
      keepAlive: true,
      connectionTimeoutMillis: 3_000,
    })
    this.#client = client
    client.on('notification', this.#wake)
    // An error is always followed by the end, or it was the connecting that failed.
    client.on('error', () => undefined)
    try {
      await client.connect()
      client.once('end', () => this.#startLater())
      await client.query(`listen ${REVOCATIONS_CHANNEL}`)
      // What was numbered while nobody listened.
      this.#wake()
    } catch {
      client.removeAllListeners('end')
      void client.end().catch(() => undefined)
      this.#startLater()
    }
  }

  /** Asks the connection itself: one that does not answer does not listen. */
  async isListening(): Promise<boolean> {
    const asked = this.#client?.query('select from pg_listening_channels() as channel where channel = $1', [
      REVOCATIONS_CHANNEL,
    ])
    const answer = Promise.race([asked, delay(ANSWER_MS, undefined, { ref: false })])
    return answer.then(
      (found) => found?.rowCount === 1,
      () => false,
    )
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#retry)
    await this.#client?.end().catch(() => undefined)
  }

  #startLater(): void {
    if (this.#isStopped) return
    // Apart from the other instances, which lost the same database.
    this.#retry = setTimeout(() => void this.start(), RETRY_MS * (0.5 + Math.random())).unref()
  }
}
