import { decodePunycode } from './punycode.ts'

/** RFC 1123, 2.1: letters, digits and hyphens, at most 63, with no hyphen at either end. */
const ldh = /^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$/v

/** Whether this label, in small letters, can be registered: ASCII without the prefix, or an A-label of IDNA2008. */
export const isDomainLabel = (label: string): boolean =>
  ldh.test(label) && (!label.startsWith('xn--') || isALabel(label))

/** RFC 5891, 4.2 and 5.4: the label decodes to a U-label, and that one encodes to this label and no other. */
const isALabel = (label: string): boolean => {
  const decoded = decodePunycode(label.slice('xn--'.length))
  return decoded !== undefined && isULabel(decoded) && toAscii(decoded) === label
}

/**
 * The form of a domain in small letters and A-labels; undefined if it has none. It is that of UTS #46, which the URL
 * parser applies with its checks of joiners, marks and direction.
 */
export const toAscii = (domain: string): string | undefined => {
  const url = `http://${domain}`
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

/** RFC 5892, 2: PVALID by its categories, the exceptions of 2.6, and the characters that need a context (below). */
const permitted =
  /^(?:[\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}\-\u06FD\u06FE\u0F0B\u3007]|[\u00B7\u0375\u05F3\u05F4\u200C\u200D\u30FB])+$/v
const neverPermitted =
  /[\u0640\u07FA\u302E\u302F\u3031-\u3035\u303B\u1100-\u11FF\uA960-\uA97F\uD7B0-\uD7FF]|[\p{Default_Ignorable_Code_Point}--[\u200C\u200D]]/v

const isULabel = (text: string): boolean =>
  permitted.test(text) &&
  !neverPermitted.test(text) &&
  /\P{ASCII}/v.test(text) &&
  text.slice(2, 4) !== '--' &&
  !/^-|-$/v.test(text) &&
  !misplaced.some((pattern) => pattern.test(text)) &&
  (!text.includes('\u30FB') || /[[\p{scx=Hira}\p{scx=Kana}\p{scx=Han}]--\u30FB]/v.test(text))

/** RFC 5892, A.3 to A.6, A.8 and A.9. Those of the joiners (A.1, A.2) are part of UTS #46. */
const misplaced = [
  /(?<!l)\u00B7|\u00B7(?!l)/v,
  /\u0375(?!\p{scx=Grek})/v,
  /(?<!\p{scx=Hebr})[\u05F3\u05F4]/v,
  /[\u0660-\u0669].*[\u06F0-\u06F9]|[\u06F0-\u06F9].*[\u0660-\u0669]/v,
]
