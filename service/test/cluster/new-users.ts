import { setTimeout as pause } from 'node:timers/promises'
import { HttpClient, type HttpResponse } from '../support/http-client.ts'
import { newUser, type Tokens } from '../support/test-client.ts'

/**
 * New users, one after another, each from their own address: sign up, sign in, refresh, sign out. Nothing is retried,
 * and every unexpected response is recorded.
 */
export class NewUsers {
  readonly failures: string[] = []
  /** The number of users who completed all steps. */
  count = 0
  readonly #url: string
  readonly #loop: Promise<void>
  #isStopped = false

  constructor(url: string) {
    this.#url = url
    this.#loop = this.#come()
  }

  async #come(): Promise<void> {
    for (let number = 1; !this.#isStopped; number += 1) {
      await this.#one(new HttpClient(this.#url, `127.1.${number >> 8}.${number % 256}`))
      await pause(20)
    }
  }

  async #one(client: HttpClient): Promise<void> {
    const { username, email, password } = newUser()
    const ask = async (status: number, ...request: Parameters<HttpClient['ask']>): Promise<HttpResponse> => {
      const response = await client.ask(...request)
      if (response.status === status) return response
      throw new Error(`${request[0]} ${request[1]}: ${response.status} ${JSON.stringify(response.body)}`)
    }
    try {
      await ask(201, 'POST', '/v1/users', { body: { username, email, password } })
      const { body } = await ask(201, 'POST', '/v1/sessions', { body: { username, password } })
      const { refresh_token } = body as Tokens
      const { body: next } = await ask(200, 'POST', '/v1/sessions/refresh', { body: { refresh_token } })
      const { access_token: token } = next as Tokens
      await ask(204, 'DELETE', '/v1/sessions/current', { token })
      this.count += 1
    } catch (error) {
      this.failures.push(String(error))
    } finally {
      client.close()
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#loop
  }
}
