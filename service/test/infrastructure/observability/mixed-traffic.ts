// Users who make all kinds of requests, right and wrong, until `stop` is called.
import type { ServiceProcess } from '../../support/service-process.ts'
import type { TestClient, Tokens } from '../../support/test-client.ts'

export class MixedTraffic {
  /** Personal data and tokens that must not appear in metrics. */
  readonly secrets: string[] = []
  readonly #service: ServiceProcess
  #isStopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(service: ServiceProcess) {
    this.#service = service
  }

  start(): void {
    this.#running = this.#runRounds()
    // `stop` rejects with this error.
    this.#running.catch(() => undefined)
  }

  /** Rejects with the first unexpected response. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #runRounds(): Promise<void> {
    while (!this.#isStopped) await this.round()
  }

  /** A user registers, signs in twice and refreshes; a token is replayed; the second device signs out. */
  async round(): Promise<void> {
    const client = this.#service.client()
    const user = await client.register()
    const { username, email, password } = user
    expectStatus(401, await client.post('/v1/sessions', { username, password: `not ${password}` }))
    const [first, second] = [await client.signIn(user), await client.signIn(user)]
    const next = await this.#refresh(client, first)
    expectStatus(200, await client.get('/v1/users/me', next.access_token))
    expectStatus(401, await client.refresh(first.refresh_token))
    expectStatus(401, await client.refresh(next.refresh_token))
    expectStatus(401, await client.refresh('nonsense'))
    expectStatus(204, await client.request('DELETE', '/v1/sessions/current', { token: second.access_token }))
    this.secrets.push(username, email, password, next.access_token, next.refresh_token, first.session.id)
  }

  async #refresh(client: TestClient, { refresh_token: token }: Tokens): Promise<Tokens> {
    const response = await client.refresh(token)
    expectStatus(200, response)
    return response.body as Tokens
  }
}

function expectStatus(wanted: number, { status, body }: { status: number; body: unknown }): void {
  if (status !== wanted) throw new Error(`${status} instead of ${wanted}: ${JSON.stringify(body)}`)
}
