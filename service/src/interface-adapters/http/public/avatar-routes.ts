import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { UseCases } from '../../application/use-cases.ts'
import { answers, WITH_STRAY_BODY, WITH_TOKEN } from './answers.ts'
import * as avatarSchemas from './avatar-schemas.ts'
import { callerOf, requireCaller } from './bearer.ts'
import { readPicture } from './picture-upload.ts'
import * as present from './present.ts'
import { TransportError } from './problem-details.ts'

const security = [{ accessToken: [] }]
const tags = ['Users']

/** Give oneself a picture, and take it away. */
export const avatarRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)

    void app.register((uploads: typeof app, _uploadOptions, uploadsDone) => {
      takeFormsUnread(uploads)
      uploads.put('/users/me/avatar', {
        onRequest,
        schema: {
          tags,
          security,
          operationId: 'setAvatar',
          summary: 'Give yourself a picture',
          description:
            'What kind of picture it is, is decided by its content. It is turned upright and cut to the square in its middle.',
          consumes: ['multipart/form-data'],
          body: avatarSchemas.avatarUpload,
          response: answers(
            { 200: avatarSchemas.avatar.describe('Where the picture is.') },
            {
              errors: [
                ...WITH_TOKEN,
                'picture_too_large',
                'unsupported_media_type',
                'unsupported_picture',
                'validation_failed',
                'too_many_attempts',
                'overloaded',
              ],
            },
          ),
        },
        // The body is the stream itself here.
        validatorCompiler: () => () => true,
        handler: async (request) => {
          requireForm(request)
          const user = await useCases.setAvatar(callerOf(request), () => readPicture(request))
          return present.avatar(user, publicUrl)
        },
      })
      uploadsDone()
    })

    app.delete('/users/me/avatar', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'removeAvatar',
        summary: 'Take your picture away',
        description: 'The drawn one is shown again.',
        response: answers(
          { 204: z.undefined().describe('Removed, or there was none.') },
          { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY] },
        ),
      },
      handler: async (request, reply) => {
        await useCases.removeAvatar(callerOf(request))
        return reply.code(204).send()
      },
    })

    done()
  }

/** Nothing is read before it is known that there is room for it. */
export function takeFormsUnread(app: FastifyInstance): void {
  app.addContentTypeParser('multipart/form-data', (_request, payload, done) => done(null, payload))
}

/** Throws `unsupported_media_type` for any other body. */
export function requireForm({ headers }: FastifyRequest): void {
  const isForm = /^multipart\/form-data *;/i.test(headers['content-type'] ?? '')
  const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity'
  if (!isForm || !isPlain) throw new TransportError('unsupported_media_type')
}
