import { readFile } from 'node:fs/promises'
import { AVATAR_SIZES, DEFAULT_AVATARS, type AvatarSize } from '../../domain/avatar.ts'

const FOLDER = new URL('../../../assets/avatars/', import.meta.url)

/** Reads the default pictures once (343 kB). The returned function serves them from memory. */
export async function loadDefaultAvatars(): Promise<(picture: number, size: AvatarSize) => Buffer> {
  const files = await Promise.all(
    Array.from({ length: DEFAULT_AVATARS }, (_, picture) =>
      Promise.all(AVATAR_SIZES.map(async (size) => [size, await readDefaultAvatar(picture, size)] as const)),
    ),
  )
  const pictures = files.map((sizes) => new Map(sizes))
  return (picture, size) => {
    const bytes = pictures[picture]?.get(size)
    if (bytes === undefined) throw new RangeError(`there is no default picture ${picture}`)
    return bytes
  }
}

const readDefaultAvatar = (picture: number, size: AvatarSize): Promise<Buffer> =>
  readFile(new URL(`default-${picture}-${size}.png`, FOLDER))
