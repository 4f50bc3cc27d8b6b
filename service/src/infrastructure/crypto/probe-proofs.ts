import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../application/ports/clock.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

/** A proof may stand in the log of a proxy, so it does not last. More than the clocks of instances differ. */
const LIFETIME_SECONDS = 60

/** Shows that a request comes from the doctor of an instance with the same secret. */
export class ProbeProofs {
  readonly #keys: DerivedKeys
  readonly #clock: Clock

  constructor(secrets: Secrets, clock: Clock) {
    this.#keys = deriveKeys(secrets, 'probes of the doctor')
    this.#clock = clock
  }

  make(): string {
    const seconds = this.#now()
    return `${seconds}.${macOf(this.#keys.current, seconds)}`
  }

  isValid(proof: string): boolean {
    const [time = '', mac = ''] = proof.split('.')
    const seconds = Number(time)
    if (!Number.isInteger(seconds) || Math.abs(this.#now() - seconds) > LIFETIME_SECONDS) return false
    return [...this.#keys.byId.values()].some((key) => isEqual(macOf(key, seconds), mac))
  }

  #now(): number {
    return Math.floor(+this.#clock.now() / 1_000)
  }
}

const macOf = ({ key }: DerivedKeys['current'], seconds: number): string =>
  createHmac('sha256', key).update(String(seconds)).digest('base64url')

const isEqual = (one: string, other: string): boolean =>
  one.length === Buffer.byteLength(other) && timingSafeEqual(Buffer.from(one), Buffer.from(other))
