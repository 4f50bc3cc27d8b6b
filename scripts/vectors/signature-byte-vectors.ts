import { p256 } from '@noble/curves/nist.js'
import { claimsWith, encode, headerOf, signatureOf, tokenOf, type Json, type Kid } from './signing.ts'
import { accepted, asymmetric, refused, type TokenCase } from './token-case.ts'

interface Signed {
  /** Header and payload. */
  readonly signed: string
  readonly signature: Buffer
}

function sign(kid: Kid, claims: Json = claimsWith()): Signed {
  const signed = `${encode(headerOf(kid))}.${encode(claims)}`
  return { signed, signature: signatureOf(kid, signed) }
}

const wrong = ({ signed }: Signed, name: string, ...bytes: readonly Buffer[]): TokenCase =>
  refused('bad_signature', name, `${signed}.${Buffer.concat(bytes).toString('base64url')}`)

const zeros = (count: number): Buffer => Buffer.alloc(count)

/** Signatures that are wrong for the same header and payload. */
export const signatures = (): TokenCase[] => [
  ...asymmetric.flatMap((kid) => {
    const good = sign(kid)
    const { signature } = good
    const flipped = Buffer.from(signature)
    flipped.writeUInt8(flipped.readUInt8(9) ^ 1, 9)
    const cases: [string, ...Buffer[]][] = [
      ['all zero', zeros(signature.length)],
      ['one flipped bit', flipped],
      ['one byte', zeros(1)],
      ['a byte too short', signature.subarray(0, -1)],
      ['a byte after it', signature, zeros(1)],
      ['a zero before it', zeros(1), signature],
      ['twice', signature, signature],
      ['of other claims', sign(kid, claimsWith({ gen: 4 })).signature],
    ]
    return cases.map(([name, ...bytes]) => wrong(good, `${kid}, signature: ${name}`, ...bytes))
  }),
  ...ecdsa(),
  eddsaWithLargeS(),
]

/** `r` and `s` have 32 bytes each. A reader of numbers would accept them with any number of leading zeros. */
function ecdsa(): TokenCase[] {
  const good = sign('es')
  const [r, s] = halvesOf(good)
  const order = Buffer.from(p256.Point.Fn.ORDER.toString(16), 'hex')
  const short = signatureWithLeadingZero(0)
  const shortS = signatureWithLeadingZero(32)
  return [
    wrong(good, 'es, signature: in DER', derOf(r, s)),
    wrong(good, 'es, signature: 65 bytes, a zero before s', r, zeros(1), s),
    wrong(good, 'es, signature: 66 bytes, a zero before r and s', zeros(1), r, zeros(1), s),
    wrong(good, 'es, signature: 96 bytes, 16 zeros before r and s', zeros(16), r, zeros(16), s),
    wrong(good, 'es, signature: 128 bytes, 32 zeros before r and s', zeros(32), r, zeros(32), s),
    wrong(good, 'es, signature: r alone', r),
    wrong(good, 'es, signature: s before r', s, r),
    wrong(good, 'es, signature: r is zero', zeros(32), s),
    wrong(good, 'es, signature: s is zero', r, zeros(32)),
    wrong(good, 'es, signature: s is the order', r, order),
    wrong(short, 'es, signature: 63 bytes, r without its leading zero', short.signature.subarray(1)),
    wrong(
      shortS,
      'es, signature: 63 bytes, s without its leading zero',
      shortS.signature.subarray(0, 32),
      shortS.signature.subarray(33),
    ),
  ]
}

/** About half of the signatures of any library have the greater one of both possible `s`. */
export function validEcdsa(): TokenCase[] {
  const good = sign('es')
  const [r, s] = halvesOf(good)
  const other = p256.Point.Fn.ORDER - BigInt(`0x${s.toString('hex')}`)
  const bytes = Buffer.concat([r, Buffer.from(other.toString(16).padStart(64, '0'), 'hex')])
  const [leadingR, leadingS] = [signatureWithLeadingZero(0), signatureWithLeadingZero(32)]
  return [
    accepted('ES256 with n − s instead of s', `${good.signed}.${bytes.toString('base64url')}`),
    accepted('ES256 with a leading zero in r', tokenOf('es', leadingR.claims), 'keys', leadingR.claims),
    accepted('ES256 with a leading zero in s', tokenOf('es', leadingS.claims), 'keys', leadingS.claims),
  ]
}

const halvesOf = ({ signature }: Signed): [Buffer, Buffer] => [
  signature.subarray(0, 32),
  signature.subarray(32),
]

/** A good signature with a zero at `index`: about one in 256 has it. */
function signatureWithLeadingZero(index: number): Signed & { readonly claims: Json } {
  for (let number = 0; ; number += 1) {
    const claims = claimsWith({ jti: `number ${number}` })
    const found = sign('es', claims)
    if (found.signature[index] === 0) return { ...found, claims }
  }
}

/** As other protocols have ECDSA signatures. */
function derOf(...numbers: readonly Buffer[]): Buffer {
  const integers = numbers.map((part) => {
    const bytes = part.readUInt8(0) > 0x7f ? Buffer.concat([zeros(1), part]) : part
    return Buffer.concat([Buffer.from([2, bytes.length]), bytes])
  })
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

/** `s` must be below the order of the group (RFC 8032, section 5.1.7). Otherwise a token has several signatures. */
function eddsaWithLargeS(): TokenCase {
  const good = sign('ed')
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${Buffer.from(good.signature.subarray(32)).reverse().toString('hex')}`)
  const large = Buffer.from((s + order).toString(16).padStart(64, '0'), 'hex').reverse()
  return wrong(good, 'ed, signature: s plus the order', good.signature.subarray(0, 32), large)
}
