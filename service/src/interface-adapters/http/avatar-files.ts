import {
  AVATAR_SIZES,
  COLOURS,
  drawnAvatarOf,
  DRAWN_LETTERS,
  PATTERN_BITS,
  type AvatarSize,
  type DrawnAvatar,
} from '../../domain/avatar.ts'
import type { User } from '../../domain/user.ts'

/** What a file name under /media/avatars/ stands for. */
export type AvatarFile = { readonly size: AvatarSize } & (
  { readonly name: string } | { readonly drawn: DrawnAvatar }
)

const SHOWN_SIZE = 512 satisfies AvatarSize

/**
 * The file that shows a person: content or drawing, named by what it looks like, so that it never changes. With another
 * of AVATAR_SIZES in the place of 512 it is the same picture in that size.
 */
export const avatarFileOf = (user: Pick<User, 'id' | 'username' | 'avatar'>): string =>
  user.avatar === undefined
    ? `${drawingName(drawnAvatarOf(user))}-${SHOWN_SIZE}.png`
    : `${user.avatar}-${SHOWN_SIZE}.webp`

/** Letters as the hexadecimal numbers of Unicode: an address holds ASCII alone. */
function drawingName(drawn: DrawnAvatar): string {
  const shape =
    'letters' in drawn
      ? `letters-${Array.from(drawn.letters, (letter) => hex(letter.codePointAt(0) ?? 0)).join('')}`
      : `pattern-${hex(drawn.pattern)}`
  return `${shape}-${drawn.colour}`
}

const hex = (number: number): string => number.toString(16).padStart(4, '0')

const CONTENT = /^([0-9a-f]{64})-(\d+)\.webp$/
const LETTERS = /^letters-((?:[0-9a-f]{4}){1,2})-(\d+)-(\d+)\.png$/
const PATTERN = /^pattern-([0-9a-f]{4})-(\d+)-(\d+)\.png$/

/** Undefined for whatever `avatarFileOf` would not have written. */
export function parseAvatarFile(file: string): AvatarFile | undefined {
  const [, name, nameSize] = CONTENT.exec(file) ?? []
  if (name !== undefined) return sized(nameSize, { name })
  const [, letters, letterColour, letterSize] = LETTERS.exec(file) ?? []
  if (letters !== undefined) return sized(letterSize, drawing(letterColour, { letters: fromHex(letters) }))
  const [, pattern, patternColour, patternSize] = PATTERN.exec(file) ?? []
  if (pattern !== undefined) {
    return sized(patternSize, drawing(patternColour, { pattern: Number.parseInt(pattern, 16) }))
  }
  return undefined
}

function sized<F extends object>(text: string | undefined, found: F | undefined) {
  const size = AVATAR_SIZES.find((each) => String(each) === text)
  return size === undefined || found === undefined ? undefined : { ...found, size }
}

type Shape = { readonly letters: string } | { readonly pattern: number }

function drawing(colourText: string | undefined, shape: Shape): { drawn: DrawnAvatar } | undefined {
  const colour = Number(colourText)
  if (String(colour) !== colourText || colour >= COLOURS) return undefined
  const isKnown =
    'letters' in shape
      ? Array.from(shape.letters).every((letter) => DRAWN_LETTERS.includes(letter))
      : shape.pattern < 2 ** PATTERN_BITS
  return isKnown ? { drawn: { ...shape, colour } } : undefined
}

const fromHex = (letters: string): string =>
  letters.replaceAll(/.{4}/g, (code) => String.fromCharCode(Number.parseInt(code, 16)))
