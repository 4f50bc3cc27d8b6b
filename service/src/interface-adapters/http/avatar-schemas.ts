import { z } from 'zod'
import { ownUser } from './schemas.ts'

/** For the documentation: the upload is read by itself (picture-upload.ts). */
export const avatarUpload = z
  .object({
    avatar: z.file().meta({
      description: 'A PNG, JPEG or WebP picture of at most 2 MiB and 16 megapixels, not animated.',
      examples: ['the bytes of me.jpg'],
    }),
  })
  .meta({ id: 'AvatarUpload' })

export const avatar = ownUser
  .pick({ avatar_url: true })
  .meta({ id: 'Avatar', description: 'With -128 in the place of -512 it is the same picture in that size.' })
