import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { Media } from '../../../application/ports/media.ts'
import type { AvatarSize } from '../../../domain/avatar.ts'
import { AVATARS_PATH, EARLIER_AVATARS_PATH, parseAvatarFile } from '../avatar-files.ts'
import { TransportError } from '../transport-error.ts'

export interface MediaDeps {
  readonly media: Media
  /** The PNG of a default picture, from memory. */
  readonly defaultAvatar: (picture: number, size: AvatarSize) => Uint8Array
}

/** A name always stands for the same content, so clients never need to ask again (RFC 8246). */
const IMMUTABLE = 'public, max-age=31536000, immutable'

/** Pictures. They need no credentials: users see each other's, and browsers load them without a header. */
export const mediaRoutes =
  ({ media, defaultAvatar }: MediaDeps): FastifyPluginCallback =>
  (app, _options, done) => {
    const send = async (
      request: FastifyRequest<{ Params: { file: string } }>,
      reply: FastifyReply,
    ): Promise<FastifyReply> => {
      const file = parseAvatarFile(request.params.file)
      if (file === undefined) throw new TransportError('not_found')
      if ('defaultAvatar' in file) {
        const etag = `"default-${file.defaultAvatar}-${file.size}"`
        return sendDefault(request, reply, etag, () => defaultAvatar(file.defaultAvatar, file.size))
      }
      const bytes = await media.find(file.name, file.size)
      if (bytes === undefined) throw new TransportError('not_found')
      return reply.type('image/webp').header('cache-control', IMMUTABLE).send(bytes)
    }
    for (const path of [AVATARS_PATH, EARLIER_AVATARS_PATH]) {
      app.get<{ Params: { file: string } }>(`${path}/:file`, { schema: { hide: true } }, send)
    }
    done()
  }

function sendDefault(
  request: FastifyRequest,
  reply: FastifyReply,
  etag: string,
  content: () => Uint8Array,
): FastifyReply {
  void reply.header('cache-control', IMMUTABLE).header('etag', etag)
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.type('image/png').send(content())
}
