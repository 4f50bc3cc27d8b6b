import { userActor } from '../../../domain/actor.ts'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { commonErrors } from '../../../application/errors.ts'
import { registerUserErrors } from '../../../application/users/register-user.ts'
import { setAvatarErrors } from '../../../application/users/set-avatar.ts'
import { readOwnUserErrors } from '../../../application/users/read-own-user.ts'
import { updateUserErrors } from '../../../application/users/update-user.ts'
import { searchUsersErrors } from '../../../application/users/search-users.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { avatar, avatarUpload } from '../avatar-schemas.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import { clientAddress } from '../client-address.ts'
import { acceptPictureForms, readPicture, requireForm } from '../picture-upload.ts'
import * as bodies from '../response-bodies.ts'
import { WITH_TOKEN } from '../responses.ts'
import { platformRegistration, publicUser, userUpdate } from '../user-schemas.ts'
import { followPlatformConventions, TRAILING_SLASH_NOTE } from './platform-conventions.ts'
import * as schemas from './platform-schemas.ts'

/** The older service returned every match, more than a page could show. */
const MAXIMUM_FOUND = 50

/** The profile form always sends both fields. It does not know the e-mail address, so it sends an empty one. */
const typed = (text: string | undefined): string | undefined => (text?.trim() === '' ? undefined : text)

/** These clients are never asked to authenticate again. */
const updateErrors = updateUserErrors.filter((code) => code !== 'reauthentication_required')

const description = TRAILING_SLASH_NOTE
const security = [{ accessToken: [] }]
const tags = ['Platform']

/** Sign up, read and change one's own account, find users, for the platform's frontend. */
export const platformUserRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)
    followPlatformConventions(app)

    app.post('/users', {
      config: { shownAt: ['username'] },
      schema: {
        tags,
        operationId: 'platformSignUp',
        summary: 'Sign up',
        description,
        body: platformRegistration,
        response: schemas.platformResponses(
          { 200: publicUser.describe('Signed up.') },
          {
            errors: [...registerUserErrors, ...commonErrors],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const user = await useCases.registerUser({
          ...request.body,
          address: clientAddress(request),
          // The older frontend can send neither.
          invitation: undefined,
          purchase: undefined,
        })
        request.actor = userActor(user.id)
        return bodies.publicUser(user, publicUrl)
      },
    })

    app.get('/users/me', {
      onRequest,
      schema: {
        tags,
        security,
        description,
        operationId: 'platformReadOwnUser',
        summary: 'Get your own account',
        response: schemas.platformResponses(
          { 200: publicUser.describe('Your account.') },
          { errors: [...WITH_TOKEN, ...readOwnUserErrors] },
        ),
      },
      handler: async (request) => bodies.publicUser(await useCases.readOwnUser(callerOf(request)), publicUrl),
    })

    app.patch('/users/update', {
      onRequest,
      config: { shownAt: ['username'] },
      schema: {
        tags,
        security,
        operationId: 'platformUpdateUser',
        summary: 'Change your username or e-mail address',
        description: `${description} An empty field stays unchanged. A new e-mail address requires the current password, or a recent sign-in. Your old username stays reserved for 90 days.`,
        body: userUpdate,
        response: schemas.platformResponses(
          { 200: publicUser.describe('Your account after the change.') },
          {
            errors: [...WITH_TOKEN, ...updateErrors],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const { username, email, current_password: currentPassword } = request.body
        const user = await useCases.updateUser(callerOf(request), {
          username: typed(username),
          email: typed(email),
          currentPassword,
          cannotReauthenticate: true,
        })
        return bodies.publicUser(user, publicUrl)
      },
    })

    app.get('/users/search', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'platformSearchUsers',
        summary: 'Find users by part of their username',
        description: `${description} Returns the ${MAXIMUM_FOUND} best matches. You are not included.`,
        querystring: schemas.search,
        response: schemas.platformResponses(
          { 200: schemas.users.describe('The users found.') },
          { errors: [...WITH_TOKEN, ...searchUsersErrors, 'validation_failed'] },
        ),
      },
      handler: async (request) => {
        const found = await useCases.searchUsers({
          username: request.query.username,
          limit: MAXIMUM_FOUND,
          after: undefined,
          askedBy: callerOf(request).user.id,
          withDisabled: false,
        })
        return found.users.map((user) => bodies.publicUser(user, publicUrl))
      },
    })

    void app.register(avatarRoute(useCases, publicUrl))
    done()
  }

const avatarRoute =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    acceptPictureForms(app)

    app.patch('/users/avatar', {
      onRequest: requireCaller(useCases.authenticate),
      config: { shownAt: ['avatar'] },
      schema: {
        tags,
        security,
        description,
        operationId: 'platformSetAvatar',
        summary: 'Set your picture',
        consumes: ['multipart/form-data'],
        body: avatarUpload,
        response: schemas.platformResponses(
          { 200: avatar.describe('The address of the picture.') },
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

    done()
  }
