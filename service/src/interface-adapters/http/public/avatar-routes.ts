import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { removeAvatarErrors } from '../../../application/users/remove-avatar.ts'
import { setAvatarErrors } from '../../../application/users/set-avatar.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import * as avatarSchemas from '../avatar-schemas.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import { acceptPictureForms, readPicture, requireForm } from '../picture-upload.ts'
import * as bodies from '../response-bodies.ts'
import { responses, WITH_STRAY_BODY, WITH_TOKEN } from '../responses.ts'

const security = [{ accessToken: [] }]
const tags = ['Users']

/** Set and remove one's own picture. */
export const avatarRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)

    void app.register((uploads: typeof app, _uploadOptions, uploadsDone) => {
      acceptPictureForms(uploads)
      uploads.put('/users/me/avatar', {
        onRequest,
        schema: {
          tags,
          security,
          operationId: 'setAvatar',
          summary: 'Set your picture',
          description:
            'The content decides the type of the picture, not its name. It is rotated upright and cropped to a centred square.',
          consumes: ['multipart/form-data'],
          body: avatarSchemas.avatarUpload,
          response: responses(
            { 200: avatarSchemas.avatar.describe('The address of the picture.') },
            {
              errors: [...WITH_TOKEN, 'unsupported_media_type', ...setAvatarErrors],
            },
          ),
        },
        // The handler reads the form, so there is no body to validate yet.
        validatorCompiler: () => () => true,
        handler: async (request) => {
          requireForm(request)
          const user = await useCases.setAvatar(callerOf(request), () => readPicture(request))
          return bodies.avatar(user, publicUrl)
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
        summary: 'Remove your picture',
        description: 'Your default picture is shown again.',
        response: responses(
          { 204: z.undefined().describe('Removed, or there was nothing to remove.') },
          { errors: [...WITH_TOKEN, ...WITH_STRAY_BODY, ...removeAvatarErrors] },
        ),
      },
      handler: async (request, reply) => {
        await useCases.removeAvatar(callerOf(request))
        return reply.code(204).send()
      },
    })

    done()
  }
