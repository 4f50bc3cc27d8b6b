import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ApplicationError } from '../../application/errors.ts'
import type { UseCases } from '../../application/use-cases.ts'
import { parseUserId } from '../../domain/user.ts'
import { answers, WITH_TOKEN } from './answers.ts'
import { callerOf, requireCaller } from './bearer.ts'
import { clientAddress } from './client.ts'
import * as present from './present.ts'
import * as schemas from './schemas.ts'

const security = [{ accessToken: [] }]
const tags = ['Users']

/** Sign up, see and change oneself. */
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
        response: answers(
          { 201: schemas.ownUser.describe('Signed up; the Location header names the new user.') },
          {
            errors: ['username_taken', 'email_taken', 'too_many_attempts', 'overloaded', 'unavailable'],
            hasBody: true,
          },
        ),
      },
      handler: async (request, reply) => {
        const user = await useCases.registerUser({ ...request.body, address: clientAddress(request) })
        return reply
          .code(201)
          .header('location', `/v1/users/${user.id}`)
          .send(present.ownUser(user, publicUrl))
      },
    })

    app.get('/users/me', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'readOwnUser',
        summary: 'See yourself',
        response: answers({ 200: schemas.ownUser.describe('You.') }, { errors: WITH_TOKEN }),
      },
      handler: (request) => Promise.resolve(present.ownUser(callerOf(request).user, publicUrl)),
    })

    app.patch('/users/me', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'updateUser',
        summary: 'Change your name or e-mail address',
        body: schemas.userUpdate,
        response: answers(
          { 200: schemas.ownUser.describe('You, as you are now.') },
          {
            errors: [...WITH_TOKEN, 'username_taken', 'email_taken', 'too_many_attempts', 'overloaded'],
            hasBody: true,
          },
        ),
      },
      handler: async (request) => {
        const { username, email, current_password: currentPassword } = request.body
        const user = await useCases.updateUser(callerOf(request), { username, email, currentPassword })
        return present.ownUser(user, publicUrl)
      },
    })

    app.put('/users/me/password', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'changePassword',
        summary: 'Change your password',
        description: 'Every other session ends.',
        body: schemas.passwordChange,
        response: answers(
          { 204: z.undefined().describe('Changed.') },
          { errors: [...WITH_TOKEN, 'too_many_attempts', 'overloaded'], hasBody: true },
        ),
      },
      handler: async (request, reply) => {
        const { current_password: currentPassword, new_password: newPassword } = request.body
        await useCases.changePassword(callerOf(request), { currentPassword, newPassword })
        return reply.code(204).send()
      },
    })

    app.get('/users/:id', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'readUser',
        summary: 'See somebody else',
        params: schemas.userIdParams,
        response: answers(
          { 200: schemas.publicUser.describe('The person.') },
          { errors: [...WITH_TOKEN, 'user_not_found'] },
        ),
      },
      handler: async (request) => {
        const id = parseUserId(request.params.id)
        if (id === undefined) throw new ApplicationError('user_not_found')
        return present.publicUser(await useCases.readUser(id), publicUrl)
      },
    })

    done()
  }
