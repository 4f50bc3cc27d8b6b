import type { FastifyPluginCallback } from 'fastify'
import type { Media } from '../../application/ports/media.ts'
import type { AvatarSize, DrawnAvatar } from '../../domain/avatar.ts'
import { parseAvatarFile } from './avatar-files.ts'
import { TransportError } from './problem-details.ts'

export interface MediaDeps {
  readonly media: Media
  /** A PNG. */
  readonly drawAvatar: (avatar: DrawnAvatar, size: AvatarSize) => Uint8Array
}

/** A name stands for one content for ever, so whoever has it never asks again (RFC 8246). */
const FOR_EVER = 'public, max-age=31536000, immutable'

/** Pictures, for everybody who knows their names. */
export const mediaRoutes =
  ({ media, drawAvatar }: MediaDeps): FastifyPluginCallback =>
  (app, _options, done) => {
    app.get<{ Params: { file: string } }>(
      '/media/avatars/:file',
      { schema: { hide: true } },
      async (request, reply) => {
        const file = parseAvatarFile(request.params.file)
        if (file === undefined) throw new TransportError('not_found')
        const isDrawn = 'drawn' in file
        const bytes = isDrawn ? drawAvatar(file.drawn, file.size) : await media.find(file.name, file.size)
        if (bytes === undefined) throw new TransportError('not_found')
        return reply
          .type(isDrawn ? 'image/png' : 'image/webp')
          .header('cache-control', FOR_EVER)
          .send(bytes)
      },
    )
    done()
  }
