import type { User } from './user.ts'

/** Both sides of the square pictures, in pixels. */
export const AVATAR_SIZES = [512, 128] as const
export type AvatarSize = (typeof AVATAR_SIZES)[number]

/** Limits of an uploaded picture. */
export const UPLOAD_LIMITS = {
  bytes: 2 * 1024 * 1024,
  /** Sixteen megapixels, as most phone cameras produce. Decoded, that is 64 MiB. */
  pixels: 4096 * 4096,
  /** Of one side. */
  side: 8192,
} as const

/** A picture in its two sizes. */
export interface Avatar {
  /** A hash of the content: the same picture always has the same name, and another picture never has it. */
  readonly name: string
  readonly pictures: Readonly<Record<AvatarSize, Uint8Array>>
}

/** How many ready-made pictures there are for users without a picture of their own. */
export const DEFAULT_AVATARS = 48

/** The default picture of a user, as a number below DEFAULT_AVATARS. It stays the same when the user's name changes. */
export const defaultAvatarOf = ({ id }: Pick<User, 'id'>): number => scattered(id) % DEFAULT_AVATARS

/** Users who sign up one after the other get pictures that look different (Knuth's multiplicative hashing). */
const scattered = (id: number): number => Math.imul(id, 2_654_435_761) >>> 8

export const changeAvatar = (user: User, avatar: Avatar | undefined): User => ({
  ...user,
  avatar: avatar?.name,
})
