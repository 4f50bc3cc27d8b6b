import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { changePasswordErrors } from '../../../application/users/change-password.ts'
import { deleteUserErrors } from '../../../application/users/delete-user.ts'
import { listActivityErrors } from '../../../application/users/list-activity.ts'
import { exportUserErrors } from '../../../application/users/export-user.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { callerOf, requireCaller } from '../bearer.ts'
import * as bodies from '../response-bodies.ts'
import { responses, WITH_TOKEN } from '../responses.ts'
import { tokens } from '../session-schemas.ts'
import * as schemas from './account-schemas.ts'
import * as activities from './activity-schemas.ts'
import { ExportStreams } from './export-streams.ts'

const security = [{ accessToken: [] }]
const tags = ['Users']

/** Change the password, export the account, delete it. */
export const accountRoutes =
  (useCases: UseCases, publicUrl: string): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const onRequest = requireCaller(useCases.authenticate)
    const exports = new ExportStreams(publicUrl)

    app.put('/users/me/password', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'changePassword',
        summary: 'Change your password',
        description:
          'Ends all of your other sessions. This session gets new tokens, and its earlier ones are no longer accepted. If the ' +
          'response is lost, sign in with the new password.',
        body: schemas.passwordChange,
        response: responses(
          { 200: tokens.describe('Changed. The new tokens.') },
          { errors: [...WITH_TOKEN, ...changePasswordErrors], hasBody: true },
        ),
      },
      handler: async (request) => {
        const { current_password: currentPassword, new_password: newPassword } = request.body
        return bodies.tokens(
          await useCases.changePassword(callerOf(request), { currentPassword, newPassword }),
        )
      },
    })

    app.get('/users/me/export', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'exportOwnUser',
        summary: 'Get all data stored about you',
        description:
          'Needs a recent authentication. The response is sent piece by piece. If it breaks off, repeat the call.',
        response: responses(
          { 200: schemas.exported.describe('Your data.') },
          { errors: [...WITH_TOKEN, ...exportUserErrors, 'overloaded'] },
        ),
      },
      handler: async (request, reply) => {
        const stream = await exports.open(() => useCases.exportUser(callerOf(request)))
        return reply.type('application/json; charset=utf-8').send(stream)
      },
    })

    app.get('/users/me/activity', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'listOwnActivity',
        summary: 'List what happened to your account, newest first',
        description:
          'Sign-ins, changes, ends of sessions, and refused attempts with your name or your tokens. It shows that an operator ' +
          'acted, but not who.',
        querystring: activities.activityQuery,
        response: responses(
          { 200: activities.activityList.describe('A page of entries.') },
          { errors: [...WITH_TOKEN, ...listActivityErrors, 'validation_failed'] },
        ),
      },
      handler: async (request) =>
        activities.pageBody(await useCases.listActivity(callerOf(request), activities.pageOf(request.query))),
    })

    app.delete('/users/me', {
      onRequest,
      schema: {
        tags,
        security,
        operationId: 'deleteOwnUser',
        summary: 'Delete your account',
        description:
          'Ends all of your sessions and deletes your data permanently. Your id is never reused. Your username is ' +
          'reserved for 90 days.',
        body: schemas.deletion,
        response: responses(
          { 204: z.undefined().describe('Deleted.') },
          { errors: [...WITH_TOKEN, ...deleteUserErrors], hasBody: true },
        ),
      },
      handler: async (request, reply) => {
        await useCases.deleteUser(callerOf(request), { currentPassword: request.body.current_password })
        return reply.code(204).send()
      },
    })

    done()
  }
