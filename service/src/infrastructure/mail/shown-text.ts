import { escapeHtml } from '../../interface-adapters/http/escape-html.ts'

/** Line breaks, control characters, and separators that some programs take for line breaks. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu
/** Marks that turn the direction of the text after them. */
const DIRECTION_MARKS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu
/** The blocks of letters that run from right to left. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u
/** First Strong Isolate and Pop Directional Isolate (UAX #9): the text between them does not reorder what is around it. */
const FIRST_STRONG_ISOLATE = '\u2068'
const POP_ISOLATE = '\u2069'

/** A value as one line that neither begins a header nor changes the direction of the text around it. */
export const oneLine = (value: string): string =>
  value.replaceAll(CONTROLS, ' ').replaceAll(DIRECTION_MARKS, '').trim()

export const shownInText = (value: string): string => {
  const line = oneLine(value)
  return RIGHT_TO_LEFT.test(line) ? FIRST_STRONG_ISOLATE + line + POP_ISOLATE : line
}

export const shownInHtml = (value: string): string => escapeHtml(oneLine(value))

/** Invisible, and allows no line break. */
const WORD_JOINER = '\u2060'

/** A text that a stranger may have written, such as the name of a device: mail programs make no link of it. */
export const unlinked = (value: string): string => value.replaceAll(/[.:/@](?=\S)/g, `$&${WORD_JOINER}`)
