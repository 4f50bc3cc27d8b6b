import { createHmac } from 'node:crypto'
import type { TestClient, Tokens } from './test-client.ts'

/** The app on the phone of a user, written from RFC 4226, RFC 4648 and RFC 6238 and not with the library of the service. */
export class Authenticator {
  readonly #secret: Buffer

  /** `secret` is Base32, as the service shows it. */
  constructor(secret: string) {
    this.#secret = fromBase32(secret)
  }

  /** The code that it shows at this time, with the clock of the phone off by this many steps. */
  codeAt(time: Date, steps = 0, digits = 6): string {
    const counter = Buffer.alloc(8)
    counter.writeBigUInt64BE(BigInt(Math.floor(+time / 30_000) + steps))
    const mac = createHmac('sha1', this.#secret).update(counter).digest()
    const truncated = mac.readUInt32BE((mac.at(-1) ?? 0) & 0xf) & 0x7fffffff
    return String(truncated % 10 ** digits).padStart(digits, '0')
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export function fromBase32(text: string): Buffer {
  const bits = Array.from(text, (letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

export interface Enrolled {
  readonly authenticator: Authenticator
  readonly recoveryCodes: readonly string[]
  /** Of the session that added it. */
  readonly tokens: Tokens
}

/** Adds an authenticator to the user of these tokens. The next code that is good is that of the next step. */
export async function addAuthenticator(
  client: TestClient,
  { access_token: token }: Tokens,
  now: () => Date,
): Promise<Enrolled> {
  const started = await client.post('/v1/users/me/factors/totp', undefined, token)
  if (started.status !== 201) throw new Error(`no secret: ${JSON.stringify(started.body)}`)
  const authenticator = new Authenticator((started.body as { secret: string }).secret)
  const code = authenticator.codeAt(now())
  const { status, body } = await client.post('/v1/users/me/factors/totp/confirm', { code }, token)
  if (status !== 200) throw new Error(`not confirmed: ${JSON.stringify(body)}`)
  const { recovery_codes: recoveryCodes, ...tokens } = body as Tokens & { recovery_codes: string[] }
  return { authenticator, recoveryCodes, tokens }
}
