const BASE = 36
const T_MIN = 1
const T_MAX = 26
const SKEW = 38
const DAMP = 700
const INITIAL_BIAS = 72
const INITIAL_N = 0x80
const LAST_CODE_POINT = 0x10ffff

/** Decodes Punycode in small letters (RFC 3492, 6.2); undefined if it is malformed. */
export const decodePunycode = (encoded: string): string | undefined => {
  const delimiter = encoded.lastIndexOf('-')
  const output = Array.from(encoded.slice(0, Math.max(delimiter, 0)), (character) => character.charCodeAt(0))
  const digits = Array.from(encoded.slice(delimiter + 1), digitOf)
  let [n, i, bias] = [INITIAL_N, 0, INITIAL_BIAS]
  for (let at = 0; at < digits.length;) {
    const before = i
    for (let weight = 1, k = BASE; ; k += BASE, at += 1) {
      const digit = digits[at]
      if (digit === undefined || digit < 0) return undefined
      i += digit * weight
      const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX)
      if (digit < threshold) break
      weight *= BASE - threshold
    }
    at += 1
    const length = output.length + 1
    bias = adapted(i - before, length, before === 0)
    n += Math.floor(i / length)
    if (n > LAST_CODE_POINT) return undefined
    i %= length
    output.splice(i, 0, n)
    i += 1
  }
  return String.fromCodePoint(...output)
}

const digitOf = (character: string): number =>
  '0123456789'.includes(character) ? Number(character) + 26 : 'abcdefghijklmnopqrstuvwxyz'.indexOf(character)

const adapted = (delta: number, length: number, isFirst: boolean): number => {
  let rest = Math.floor(delta / (isFirst ? DAMP : 2))
  rest += Math.floor(rest / length)
  let k = 0
  for (; rest > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) rest = Math.floor(rest / (BASE - T_MIN))
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW))
}
