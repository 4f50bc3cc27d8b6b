// People who do all that can be done, right and wrong, until they are told to stop.
import type { ServiceProcess } from '../../support/service-process.ts'
import type { TestClient, Tokens } from '../../support/test-client.ts'

export class MixedTraffic {
  /** What must be nowhere but with the people themselves. */
  readonly secrets: string[] = []
  readonly #service: ServiceProcess
  #isStopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(service: ServiceProcess) {
    this.#service = service
  }

  start(): void {
    this.#running = this.#goOn()
    // Thrown by `stop`.
    this.#running.catch(() => undefined)
  }

  /** Rejects with the first answer that was not the expected one. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #goOn(): Promise<void> {
    while (!this.#isStopped) await this.round()
  }

  /** One person signs up and in, comes back, is robbed, and another device is signed out. */
  async round(): Promise<void> {
    const client = this.#service.client()
    const person = await client.register()
    const { username, email, password } = person
    expectStatus(401, await client.post('/v1/sessions', { username, password: `not ${password}` }))
    const [first, second] = [await client.signIn(person), await client.signIn(person)]
    const next = await this.#refresh(client, first)
    expectStatus(200, await client.get('/v1/users/me', next.access_token))
    expectStatus(401, await client.refresh(first.refresh_token))
    expectStatus(401, await client.refresh(next.refresh_token))
    expectStatus(401, await client.refresh('nonsense'))
    expectStatus(204, await client.request('DELETE', '/v1/sessions/current', { token: second.access_token }))
    this.secrets.push(username, email, password, next.access_token, next.refresh_token, first.session.id)
  }

  async #refresh(client: TestClient, { refresh_token: token }: Tokens): Promise<Tokens> {
    const answer = await client.refresh(token)
    expectStatus(200, answer)
    return answer.body as Tokens
  }
}

function expectStatus(wanted: number, { status, body }: { status: number; body: unknown }): void {
  if (status !== wanted) throw new Error(`${status} instead of ${wanted}: ${JSON.stringify(body)}`)
}
