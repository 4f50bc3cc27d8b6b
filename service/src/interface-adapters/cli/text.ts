// Attackers can write names of devices, and other servers write error messages. A terminal must neither execute
// them nor show them as something else.

/** Control characters, characters that change the writing direction, and lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** On one line, and safe for a terminal. */
export const printable = (text: string): string =>
  text.replaceAll(UNSAFE, (character) => SHORT[character] ?? escaped(character))

/** JSON that is safe for a terminal. */
export const printableJson = (value: unknown): string =>
  `${JSON.stringify(value, undefined, 2).replaceAll(UNSAFE, (character) =>
    character === '\n' ? character : escaped(character),
  )}\n`

const escaped = (character: string): string =>
  `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`

/** Characters of names and sentences that take two columns (UAX #11). Half-width forms take one. */
const WIDE =
  /^[[\p{sc=Han}\p{sc=Hangul}\p{sc=Yi}\u3000-\u33ff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]--[\u1160-\u11ff\ud7b0-\ud7fb\uff61-\uffdc]]/v
const EMOJI = /^(?:\p{Emoji_Presentation}|\p{RGI_Emoji})/v
const WITHOUT_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]*$/u

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Columns on a terminal. */
export function width(text: string): number {
  let columns = 0
  for (const { segment } of graphemes.segment(text)) columns += widthOfOne(segment)
  return columns
}

function widthOfOne(grapheme: string): number {
  if (WITHOUT_WIDTH.test(grapheme)) return 0
  if (WIDE.test(grapheme) || EMOJI.test(grapheme)) return 2
  // A half-width voicing mark is part of the grapheme, but takes a column of its own.
  return 1 + (grapheme.slice(1).match(/[\uff9e\uff9f]/g)?.length ?? 0)
}

/** Cut to this number of columns. The last one is an ellipsis if something was cut. */
export function shortened(text: string, columns: number): string {
  if (width(text) <= columns) return text
  let kept = ''
  for (const { segment } of graphemes.segment(text)) {
    if (width(kept) + widthOfOne(segment) >= columns) break
    kept += segment
  }
  return `${kept}…`
}
