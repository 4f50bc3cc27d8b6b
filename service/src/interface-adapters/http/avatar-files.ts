import { createHash } from 'node:crypto'
import { DEFAULT_AVATARS, defaultAvatarOf, type AvatarSize } from '../../domain/avatar.ts'
import type { User } from '../../domain/user.ts'

/** Not under /media: proxies often serve that folder from their own disk. */
export const AVATARS_PATH = '/v1/media/avatars'
/** In use until November 2026. Other services have stored such addresses. */
export const EARLIER_AVATARS_PATH = '/media/avatars'

/** The picture behind a file name under AVATARS_PATH. */
export type AvatarFile = { readonly size: AvatarSize } & (
  { readonly name: string } | { readonly defaultAvatar: number }
)

const SHOWN_SIZE = 512 satisfies AvatarSize

/**
 * The file name of the picture of a user: an uploaded picture, or one of the default pictures. To get the same picture in
 * another size, replace 512 with another value of AVATAR_SIZES.
 */
export const avatarFileOf = (user: Pick<User, 'id' | 'avatar'>): string =>
  user.avatar === undefined
    ? `default-${defaultAvatarOf(user)}-${SHOWN_SIZE}.png`
    : `${user.avatar}-${SHOWN_SIZE}.webp`

const UPLOADED = /^([0-9a-f]{64})-(512|128)\.webp$/
const DEFAULT = /^default-(0|[1-9]\d?)-(512|128)\.png$/
/** Names in use until November 2026: initials or a pattern, and a colour. Other services have stored them. */
const EARLIER = /^((?:letters-(?:[0-9a-f]{4}){1,2}|pattern-[0-7][0-9a-f]{3})-(?:\d|1[01]))-(512|128)\.png$/

/** Undefined for a name that was never in use. */
export function parseAvatarFile(file: string): AvatarFile | undefined {
  const [, name, nameSize] = UPLOADED.exec(file) ?? []
  if (name !== undefined) return { name, size: sizeIn(nameSize) }
  const [, picture, pictureSize] = DEFAULT.exec(file) ?? []
  if (picture !== undefined) return defaultFile(Number(picture), pictureSize)
  const [, earlier, earlierSize] = EARLIER.exec(file) ?? []
  if (earlier !== undefined) return defaultFile(insteadOf(earlier), earlierSize)
  return undefined
}

const defaultFile = (defaultAvatar: number, size: string | undefined): AvatarFile | undefined =>
  defaultAvatar < DEFAULT_AVATARS ? { defaultAvatar, size: sizeIn(size) } : undefined

const sizeIn = (text: string | undefined): AvatarSize => (text === '512' ? 512 : 128)

/** The default picture for an earlier name. It is always the same one, in both sizes. */
const insteadOf = (earlier: string): number =>
  createHash('sha256').update(earlier).digest().readUInt32BE() % DEFAULT_AVATARS
