import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { UseCases } from '../../application/use-cases.ts'
import { WITH_TOKEN } from './answers.ts'
import { requireForm, takeFormsUnread } from './avatar-routes.ts'
import { avatar, avatarUpload } from './avatar-schemas.ts'
import { callerOf, requireCaller } from './bearer.ts'
import { clientAddress } from './client.ts'
import { readPicture } from './picture-upload.ts'
import * as schemas from './platform-schemas.ts'
import * as present from './present.ts'
import { publicUser, registration, userUpdate } from './schemas.ts'

/** The service before answered all it found, which no page of people could show. */
const FOUND_AT_MOST = 50

const description = 'Also with a slash at the end.'
const security = [{ accessToken: [] }]
const tags = ['Platform']

export const platformUserRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)

    app.post('/users', {
      config: { shownAt: ['username'] },
      schema: {
        tags,
        operationId: 'platformSignUp',
        summary: 'Sign up',
        description,
        body: registration,
        response: schemas.platformAnswers(
          { 200: publicUser.describe('Signed up.') },
          {
            errors: ['username_taken', 'email_taken', 'too_many_attempts', 'overloaded', 'unavailable'],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const user = await useCases.registerUser({ ...request.body, address: clientAddress(request) })
        return present.publicUser(user, publicUrl)
      },
    })

    app.get('/users/me', {
      onRequest,
      schema: {
        ...{ tags, security, description },
        operationId: 'platformReadOwnUser',
        summary: 'See yourself',
        response: schemas.platformAnswers({ 200: publicUser.describe('You.') }, { errors: WITH_TOKEN }),
      },
      handler: (request) => Promise.resolve(present.publicUser(callerOf(request).user, publicUrl)),
    })

    app.patch('/users/update', {
      onRequest,
      config: { shownAt: ['username'] },
      schema: {
        ...{ tags, security },
        operationId: 'platformUpdateUser',
        summary: 'Change your name and e-mail address',
        description: `${description} Another e-mail address needs the current password, or a sign-in within the last five minutes.`,
        body: userUpdate,
        response: schemas.platformAnswers(
          { 200: publicUser.describe('You, as you are now.') },
          {
            errors: [...WITH_TOKEN, 'username_taken', 'email_taken', 'too_many_attempts', 'overloaded'],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const { username, email, current_password: currentPassword } = request.body
        const changes = { username, email, currentPassword, recentSignInSuffices: true }
        return present.publicUser(await useCases.updateUser(callerOf(request), changes), publicUrl)
      },
    })

    app.get('/users/search', {
      onRequest,
      schema: {
        ...{ tags, security },
        operationId: 'platformSearchUsers',
        summary: 'Find people by a part of their username',
        description: `${description} The ${FOUND_AT_MOST} that fit best. You are left out.`,
        querystring: schemas.search,
        response: schemas.platformAnswers(
          { 200: schemas.users.describe('Those found.') },
          { errors: [...WITH_TOKEN, 'validation_failed'] },
        ),
      },
      handler: async (request) => {
        const found = await useCases.searchUsers({
          username: request.query.username,
          limit: FOUND_AT_MOST,
          after: undefined,
          askedBy: callerOf(request).user.id,
          withDisabled: false,
        })
        return found.users.map((user) => present.publicUser(user, publicUrl))
      },
    })

    void app.register(avatarRoute(useCases, publicUrl))
    done()
  }

const avatarRoute =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    takeFormsUnread(app)

    app.patch('/users/avatar', {
      onRequest: requireCaller(useCases.authenticate),
      config: { shownAt: ['avatar'] },
      schema: {
        ...{ tags, security, description },
        operationId: 'platformSetAvatar',
        summary: 'Give yourself a picture',
        consumes: ['multipart/form-data'],
        body: avatarUpload,
        response: schemas.platformAnswers(
          { 200: avatar.describe('Where the picture is.') },
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

    done()
  }
