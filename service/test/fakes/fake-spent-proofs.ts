import type { CheckedProof } from '../../src/application/ports/proof-of-work.ts'
import type { SpentProofs } from '../../src/application/ports/spent-proofs.ts'

export class FakeSpentProofs implements SpentProofs {
  readonly #spent = new Map<string, Date>()

  spend({ id, expiresAt }: CheckedProof): Promise<boolean> {
    const key = Buffer.from(id).toString('hex')
    const isNew = !this.#spent.has(key)
    if (isNew) this.#spent.set(key, expiresAt)
    return Promise.resolve(isNew)
  }

  removeExpired(now: Date, limit: number): Promise<number> {
    const expired = [...this.#spent].filter(([, expiresAt]) => expiresAt <= now).slice(0, limit)
    for (const [key] of expired) this.#spent.delete(key)
    return Promise.resolve(expired.length)
  }
}
