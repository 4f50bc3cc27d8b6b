import { createECDH, createHash, createHmac } from 'node:crypto'

/** The order of P-256 (SEC 2, section 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** An ES256 signature of `data` by RFC 6979: the same at each run. For vectors only: not in constant time. */
export function signDeterministically(data: Buffer, privateKey: Buffer): Buffer {
  const hash = createHash('sha256').update(data).digest()
  const nonce = nonceOf(hash, privateKey)
  const point = createECDH('prime256v1')
  point.setPrivateKey(nonce)
  const r = numberOf(point.getPublicKey().subarray(1, 33)) % ORDER
  const s = (inverse(numberOf(nonce)) * (numberOf(hash) + r * numberOf(privateKey))) % ORDER
  return Buffer.concat([bytesOf(r), bytesOf(s)])
}

/** RFC 6979, section 3.2, without the steps that repeat: their chance is 2^-32. */
function nonceOf(hash: Buffer, privateKey: Buffer): Buffer {
  const seed = Buffer.concat([privateKey, bytesOf(numberOf(hash) % ORDER)])
  let key: Buffer = Buffer.alloc(32)
  let value: Buffer = Buffer.alloc(32, 1)
  for (const step of [0, 1]) {
    key = hmac(key, value, Buffer.from([step]), seed)
    value = hmac(key, value)
  }
  const nonce = hmac(key, value)
  if (numberOf(nonce) >= ORDER) throw new Error('This text needs another nonce. Change the vector.')
  return nonce
}

const hmac = (key: Buffer, ...parts: readonly Buffer[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest()

const numberOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`)
const bytesOf = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(64, '0'), 'hex')

/** By Fermat's little theorem: the order is a prime. */
function inverse(number: bigint): bigint {
  let [result, base] = [1n, number]
  for (let exponent = ORDER - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % ORDER
    base = (base * base) % ORDER
  }
  return result
}
