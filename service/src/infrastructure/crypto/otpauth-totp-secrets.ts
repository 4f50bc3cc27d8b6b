import { timingSafeEqual } from 'node:crypto'
import { HOTP, Secret, TOTP } from 'otpauth'
import type { EncryptedTotpSecret, NewTotpSecret, TotpSecrets } from '../../application/ports/totp-secrets.ts'
import { CODE_DIGITS, STEP_SECONDS, type TotpCode } from '../../domain/second-factor.ts'
import type { UserId } from '../../domain/user.ts'
import { decrypt, encrypt } from './encryption.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

/** 160 bits, the length that RFC 4226, section 4, recommends. */
const SECRET_BYTES = 20
/** The QR code grows with the names in it, and so does the work to draw it. */
const NAME_LIMIT = 64

/** Secrets for SHA-1, six digits and 30 seconds: many authenticators ignore any other choice. */
export class OtpauthTotpSecrets implements TotpSecrets {
  readonly #keys: DerivedKeys
  readonly #issuer: string

  constructor(secrets: Secrets, issuer: string) {
    this.#keys = deriveKeys(secrets, 'authenticator secrets')
    this.#issuer = cut(issuer)
  }

  get previousKeyIds(): readonly string[] {
    return [...this.#keys.byId.keys()].filter((id) => id !== this.#keys.current.id)
  }

  async create(userId: UserId, username: string): Promise<NewTotpSecret> {
    const secret = new Secret({ size: SECRET_BYTES })
    const names = { issuer: this.#issuer, label: cut(username) }
    const uri = new TOTP({ ...names, secret, digits: CODE_DIGITS, period: STEP_SECONDS }).toString()
    // Loaded when it is needed: most instances start more often than they draw one.
    const { default: qrcode } = await import('qrcode')
    const svg = await qrcode.toString(uri, { type: 'svg', errorCorrectionLevel: 'M', width: 256 })
    return {
      encrypted: this.#encrypt(userId, Buffer.from(secret.bytes)),
      text: secret.base32,
      uri,
      qr: `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`,
    }
  }

  stepOf(encrypted: EncryptedTotpSecret, userId: UserId, code: TotpCode, now: Date): number | undefined {
    const bytes = decrypt(this.#keys, encrypted, contextOf(userId))
    if (bytes === undefined) return undefined
    const secret = new Secret({ buffer: Uint8Array.from(bytes).buffer })
    const present = Math.floor(+now / 1000 / STEP_SECONDS)
    // All are compared, so that the time does not show which one it was.
    const [step] = [present, present - 1, present + 1].filter((counter) => {
      const expected = HOTP.generate({ secret, digits: CODE_DIGITS, counter })
      return timingSafeEqual(Buffer.from(expected), Buffer.from(code))
    })
    return step
  }

  reencrypt(encrypted: EncryptedTotpSecret, userId: UserId): EncryptedTotpSecret | undefined {
    const bytes = decrypt(this.#keys, encrypted, contextOf(userId))
    return bytes && this.#encrypt(userId, bytes)
  }

  #encrypt(userId: UserId, bytes: Buffer): EncryptedTotpSecret {
    return encrypt(this.#keys, bytes, contextOf(userId)) as EncryptedTotpSecret
  }
}

/** A secret that is copied to the row of another user is worth nothing there. */
const contextOf = (userId: UserId): string => `user ${userId}`

const cut = (name: string): string => Array.from(name).slice(0, NAME_LIMIT).join('')
