import { z } from 'zod'
import { ownUser } from './user-schemas.ts'

/** For the documentation only: picture-upload.ts reads the form itself. */
export const avatarUpload = z
  .object({
    avatar: z.file().meta({
      description:
        'A PNG, JPEG or WebP picture, not animated, of at most 2 MiB and 16.7 megapixels (8.4 for a PNG).',
      examples: ['the bytes of me.jpg'],
    }),
  })
  .meta({ id: 'AvatarUpload' })

export const avatar = ownUser.pick({ avatar_url: true }).meta({
  id: 'Avatar',
  description: 'Replace -512 in the address with -128 to get the same picture in a smaller size.',
})
