import { confusables } from './confusables.ts'
import type { Username } from './username.ts'

/**
 * What a username looks like (UTS #39, 4), sorted: the look of its small letters and, where that differs, the
 * look as typed. Two names that share a look are taken for one another, so a look belongs to one person. Not for
 * showing, and not stable: names have to be given new looks when the confusables are of a new Unicode version.
 *
 * The small letters alone would miss `paypaI`, shown with an I that passes for l, and Greek ΝΙΝΑ, whose small
 * νινα looks Latin no more. The look as typed alone would give the two cases of one name different looks.
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

/** The final sigma is a matter of position, not of name. */
const lowerCased = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ')

const withPrototypes = (text: string): string => {
  prototypes ??= readConfusables()
  let mapped = ''
  for (const character of text.normalize('NFD')) mapped += prototypes.get(character) ?? character
  return mapped.normalize('NFD').replace(dotOverStem, '')
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
