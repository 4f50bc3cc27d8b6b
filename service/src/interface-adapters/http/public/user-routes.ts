import { userActor } from '../../../domain/actor.ts'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { ApplicationError, commonErrors } from '../../../application/errors.ts'
import { readUserErrors } from '../../../application/users/read-user.ts'
import { registerUserErrors } from '../../../application/users/register-user.ts'
import { readOwnUserErrors } from '../../../application/users/read-own-user.ts'
import { updateUserErrors } from '../../../application/users/update-user.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { parseUserId } from '../../../domain/user.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import { clientAddress } from '../client-address.ts'
import * as bodies from '../response-bodies.ts'
import { responses, WITH_TOKEN } from '../responses.ts'
import * as schemas from '../user-schemas.ts'

const security = [{ accessToken: [] }]
const tags = ['Users']

/** Sign up, read and change one's own account, read other users. */
export const userRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)

    app.post('/users', {
      schema: {
        tags,
        operationId: 'registerUser',
        summary: 'Sign up',
        body: schemas.registration,
        description: 'After too many sign-ups from a network, a proof of work buys one.',
        response: responses(
          {
            201: schemas.ownUser.describe('Signed up. The Location header has the address of the new user.'),
          },
          {
            errors: [...registerUserErrors, ...commonErrors],
            hasBody: true,
          },
        ),
      },
      handler: async (request, reply) => {
        const { proof_of_work: proof, ...person } = request.body
        const address = clientAddress(request)
        const { invitation } = person
        const user = await useCases.registerUser({ ...person, invitation, address, purchase: { proof } })
        request.actor = userActor(user.id)
        return reply
          .code(201)
          .header('location', `/v1/users/${user.id}`)
          .send(bodies.ownUser(user, publicUrl))
      },
    })

    app.get('/users/me', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'readOwnUser',
        summary: 'Get your own account',
        response: responses(
          { 200: schemas.ownUser.describe('Your account.') },
          { errors: [...WITH_TOKEN, ...readOwnUserErrors] },
        ),
      },
      handler: async (request) => bodies.ownUser(await useCases.readOwnUser(callerOf(request)), publicUrl),
    })

    app.patch('/users/me', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'updateUser',
        summary: 'Change your username or e-mail address',
        description:
          'Needs a recent authentication, or `current_password`. Your old username stays reserved for 90 days, and only you may take it back. After three changes of the username, ' +
          'wait for a day.',
        body: schemas.userUpdate,
        response: responses(
          { 200: schemas.ownUser.describe('Your account after the change.') },
          {
            errors: [...WITH_TOKEN, ...updateUserErrors],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const { username, email, current_password: currentPassword } = request.body
        const user = await useCases.updateUser(callerOf(request), { username, email, currentPassword })
        return bodies.ownUser(user, publicUrl)
      },
    })

    app.get('/users/:id', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'readUser',
        summary: 'Get another user',
        params: schemas.userIdParams,
        response: responses(
          { 200: schemas.publicUser.describe('The user.') },
          { errors: [...WITH_TOKEN, ...readUserErrors] },
        ),
      },
      handler: async (request) => {
        const id = parseUserId(request.params.id)
        if (id === undefined) throw new ApplicationError('user_not_found')
        return bodies.publicUser(await useCases.readUser(id, callerOf(request).user.id), publicUrl)
      },
    })

    done()
  }
