import type { User } from './user.ts'

/** Both sides of the square pictures, in pixels. */
export const AVATAR_SIZES = [512, 128] as const
export type AvatarSize = (typeof AVATAR_SIZES)[number]

/** What may be uploaded. */
export const UPLOAD_LIMITS = {
  bytes: 2 * 1024 * 1024,
  /** Sixteen megapixels: what the cameras of most telephones give. Decoded it is 64 MiB. */
  pixels: 4096 * 4096,
  /** Of one side. */
  side: 8192,
} as const

/** A picture as it is shown, in its two sizes. */
export interface Avatar {
  /** Made of the content: the same picture always has the same name, and another one never. */
  readonly name: string
  readonly pictures: Readonly<Record<AvatarSize, Uint8Array>>
}

/** What is drawn for people without a picture: on one of the colours, up to two letters or else a pattern. */
export type DrawnAvatar = { readonly colour: number } & (
  | { readonly letters: string }
  /** Fifteen bits, one for each field of a pattern that is five fields wide and mirrored. */
  | { readonly pattern: number }
)

export const COLOURS = 12
export const PATTERN_BITS = 15

/** Those there are drawings of. Whose name begins with another letter gets a pattern. */
export const DRAWN_LETTERS =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЈЅ'

/** The colour and the pattern stay when the name changes. */
export function drawnAvatarOf({ id, username }: Pick<User, 'id' | 'username'>): DrawnAvatar {
  const colour = id % COLOURS
  const letters = initialsOf(username.text)
  const areDrawn = letters !== '' && Array.from(letters).every((letter) => DRAWN_LETTERS.includes(letter))
  return areDrawn ? { colour, letters } : { colour, pattern: scattered(id) % 2 ** PATTERN_BITS }
}

/** The first letters of the first two parts of a name, as capitals without accents: `ann_érable` is AE. */
function initialsOf(name: string): string {
  const parts = name.split(/[^\p{L}\p{M}\p{N}]+/u).filter((part) => part !== '')
  return parts.slice(0, 2).map(capitalOf).join('')
}

const capitalOf = (part: string): string => Array.from(part.normalize('NFKD').toUpperCase())[0] ?? ''

/** Numbers that follow each other get patterns that look nothing alike (Knuth's multiplicative hashing). */
const scattered = (id: number): number => Math.imul(id, 2_654_435_761) >>> 8

export const changeAvatar = (user: User, avatar: Avatar | undefined): User => ({
  ...user,
  avatar: avatar?.name,
})
