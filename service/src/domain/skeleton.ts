import { confusables } from './confusables.ts'
import { withoutDrawnAlike } from './drawn-alike.ts'
import { withSortedMarks } from './sorted-marks.ts'
import type { Username } from './username.ts'

/**
 * The looks of a username (UTS #39, 4), sorted: the look of its small letters and, where that differs, the look as
 * typed. Two names with the same look are easily confused, so a look belongs to one user. Looks are never displayed.
 * They must be computed again when the confusables come from a new Unicode version.
 *
 * The small letters alone would miss `paypaI`, shown with an I that passes for l, and Greek ΝΙΝΑ, whose small νινα
 * looks Latin no more. The look as typed alone would give the two cases of one name different looks.
 */
export const looksOf = ({ text }: Pick<Username, 'text'>): readonly string[] =>
  Array.from(new Set([settle(text), settle(withPrototypes(text))])).sort()

/**
 * UTS #39 compares what is shown; a case-insensitive name is compared in small letters. Prototypes may be
 * capitals (`0` is O) and their small letters may have prototypes of their own (`M` is m is rn), so both
 * steps repeat until neither changes anything; no character changes in more than two rounds.
 */
const settle = (text: string): string => {
  const next = withPrototypes(lowerCased(text))
  return next === text ? text : settle(next)
}

/** The final sigma depends on its position, so it does not distinguish names. */
const lowerCased = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ')

/** The marks are sorted twice. Some have letters as prototypes, and may come only after the marks beside them are in order. */
const withPrototypes = (text: string): string => {
  const sorted = mapped(withoutDrawnAlike(text.normalize('NFD')), (character) => {
    const prototype = prototypeOf(character)
    return isMark(character) && !isMark(prototype) ? character : prototype
  })
  return mapped(sorted, prototypeOf).replace(dotOverStem, '')
}

/** Not put into canonical order afterwards: a nukta, mapped to a dot below, would part a stacker from its letter. */
const mapped = (text: string, map: (character: string) => string): string =>
  withSortedMarks(Array.from(text, map).join(''))

const isMark = (text: string): boolean => /^\p{M}+$/v.test(text)

const prototypeOf = (character: string): string => {
  prototypes ??= readConfusables()
  return prototypes.get(character) ?? character
}

/** A dot adds nothing to the look of i and j: `İ` in small letters is an i with a second dot. */
const dotOverStem = /(?<=[ij]\p{M}{0,4})\u0307/gv

let prototypes: ReadonlyMap<string, string> | undefined

const readConfusables = (): ReadonlyMap<string, string> => {
  const read = new Map<string, string>()
  for (const group of confusables.split(/\s+/)) {
    const [prototype = '', characters = ''] = group.split('=')
    for (const character of characters.split(',')) read.set(fromHex(character), fromHex(prototype))
  }
  return read
}

const fromHex = (codePoints: string): string =>
  String.fromCodePoint(...codePoints.split('+').map((hex) => Number.parseInt(hex, 16)))
