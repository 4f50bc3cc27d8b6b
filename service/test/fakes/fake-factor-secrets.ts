import type { RecoveryCodes } from '../../src/application/ports/recovery-codes.ts'
import type { SignInChallenges } from '../../src/application/ports/sign-in-challenges.ts'
import type {
  EncryptedTotpSecret,
  NewTotpSecret,
  TotpSecrets,
} from '../../src/application/ports/totp-secrets.ts'
import type { RecoveryCode } from '../../src/domain/recovery-code.ts'
import { STEP_SECONDS, type TotpCode } from '../../src/domain/second-factor.ts'
import type { SignInChallenge } from '../../src/domain/sign-in-challenge.ts'
import type { UserId } from '../../src/domain/user.ts'

/** The code of a time step is its number. */
export class FakeTotpSecrets implements TotpSecrets {
  readonly previousKeyIds = ['earlier0']

  create(userId: UserId, username: string): Promise<NewTotpSecret> {
    const encrypted = `current0 ${userId}` as EncryptedTotpSecret
    return Promise.resolve({ encrypted, text: 'SECRET', uri: `otpauth://totp/${username}`, qr: 'data:' })
  }

  stepOf(secret: EncryptedTotpSecret, userId: UserId, code: TotpCode, now: Date): number | undefined {
    const present = stepAt(now)
    if (secret.split(' ')[1] !== String(userId)) return undefined
    return [present, present - 1, present + 1].find((step) => code === codeOf(step))
  }

  reencrypt(secret: EncryptedTotpSecret): EncryptedTotpSecret | undefined {
    return secret.replace('earlier0', 'current0') as EncryptedTotpSecret
  }
}

const stepAt = (now: Date): number => Math.floor(+now / 1000 / STEP_SECONDS)

const codeOf = (step: number): string => String(step % 1_000_000).padStart(6, '0')

/** The code that an authenticator shows then. */
export const fakeCodeAt = (now: Date): string => codeOf(stepAt(now))

export class FakeRecoveryCodes implements RecoveryCodes {
  #sets = 0

  /** `0…101` to `0…110` in the first set, `0…201` to `0…210` in the second. */
  create(): readonly RecoveryCode[] {
    this.#sets += 1
    return Array.from({ length: 10 }, (_, at) =>
      String(this.#sets * 100 + at + 1).padStart(24, '0'),
    ) as RecoveryCode[]
  }
}

/** Challenges that a test can read: JSON. */
export class FakeSignInChallenges implements SignInChallenges {
  #issued = 0

  issue({ expiresAt, ...content }: Omit<SignInChallenge, 'id'>): string {
    this.#issued += 1
    return `challenge ${JSON.stringify({ ...content, number: this.#issued, expiresAt: +expiresAt })}`
  }

  read(token: string): SignInChallenge | undefined {
    if (!token.startsWith('challenge {')) return undefined
    const { number, expiresAt, ...content } = JSON.parse(
      token.slice('challenge '.length),
    ) as SignInChallenge & {
      number: number
    }
    const { deviceId, knownNetwork } = content
    const read = { ...content, deviceId, knownNetwork }
    return { ...read, id: Buffer.from([number]), expiresAt: new Date(expiresAt) }
  }
}
