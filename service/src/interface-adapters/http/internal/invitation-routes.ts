import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { createInvitationErrors } from '../../../application/invitations/create-invitation.ts'
import { revokeInvitationErrors } from '../../../application/invitations/revoke-invitation.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { actorOf } from '../bearer.ts'
import { responses, WITH_SERVICE_KEY, WITH_STRAY_BODY } from '../responses.ts'
import * as schemas from './invitation-schemas.ts'

const tags = ['Invitations']

/** For operators: create, list and revoke invitations to sign up. */
export const invitationRoutes =
  (
    useCases: Pick<UseCases, 'createInvitation' | 'listInvitations' | 'revokeInvitation'>,
  ): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post('/invitations', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'createInvitation',
        summary: 'Create an invitation to sign up',
        description: 'It has an effect while REGISTRATION is `invite`. The service stores only a hash of it.',
        body: schemas.newInvitation,
        response: responses(
          { 201: schemas.createdInvitation.describe('Created. Give `invitation` to those you invite.') },
          { errors: [...WITH_SERVICE_KEY, ...createInvitationErrors], hasBody: true },
        ),
      },
      handler: async (request, reply) => {
        const { uses, expires_at: expires, note } = request.body
        const expiresAt = expires === undefined ? undefined : new Date(expires)
        const created = await useCases.createInvitation(actorOf(request), { uses, expiresAt, note })
        const body = { ...schemas.invitationBody(created.invitation), invitation: created.token }
        return reply.code(201).send(body)
      },
    })

    app.get('/invitations', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'listInvitations',
        summary: 'List the invitations, newest first',
        description: 'Invitations stay in the list until 30 days after they expired.',
        querystring: schemas.invitationQuery,
        response: responses(
          { 200: schemas.invitationList.describe('A page of invitations, without their secrets.') },
          { errors: [...WITH_SERVICE_KEY, 'validation_failed'] },
        ),
      },
      handler: async ({ query: { limit, cursor } }) => {
        const before = cursor === undefined ? undefined : Number(cursor)
        return schemas.pageBody(await useCases.listInvitations(before, limit))
      },
    })

    app.delete('/invitations/:id', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'revokeInvitation',
        summary: 'Revoke an invitation',
        description: 'Users who signed up with it stay.',
        params: schemas.invitationParams,
        response: responses(
          { 204: z.undefined().describe('Nobody can sign up with it any more.') },
          {
            errors: [...WITH_SERVICE_KEY, ...revokeInvitationErrors, 'validation_failed', ...WITH_STRAY_BODY],
          },
        ),
      },
      handler: async (request, reply) => {
        await useCases.revokeInvitation(actorOf(request), Number(request.params.id))
        return reply.code(204).send()
      },
    })

    done()
  }
