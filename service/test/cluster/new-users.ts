import { setTimeout as pause } from 'node:timers/promises'
import { HttpClient, type HttpAnswer } from '../support/http-client.ts'
import { newPerson, type Tokens } from '../support/test-client.ts'

/**
 * People who come one after the other, each from an address of their own: sign up, sign in, refresh, sign out. Nothing is
 * tried twice, and whatever is not answered as it should is noted.
 */
export class Newcomers {
  readonly failures: string[] = []
  /** How many have done it all. */
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
    const { username, email, password } = newPerson()
    const ask = async (status: number, ...request: Parameters<HttpClient['ask']>): Promise<HttpAnswer> => {
      const answer = await client.ask(...request)
      if (answer.status === status) return answer
      throw new Error(`${request[0]} ${request[1]}: ${answer.status} ${JSON.stringify(answer.body)}`)
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
