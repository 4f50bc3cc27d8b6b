import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { UseCases } from '../../../application/use-cases.ts'
import { responses, type OperatorErrors } from '../responses.ts'
import * as schemas from './audit-schemas.ts'

/** For operators: who did what to whom. */
export const auditRoutes =
  (useCases: Pick<UseCases, 'listAuditEntries'>, errorsWith: OperatorErrors): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/audit', {
      config: { scope: 'audit' },
      schema: {
        tags: ['Audit'],
        operationId: 'listAuditEntries',
        summary: 'List the entries of the audit log, newest first',
        description: 'Filters can be combined: an entry must match all of them.',
        querystring: schemas.auditQuery,
        response: responses(
          { 200: schemas.auditEntryList.describe('A page of entries.') },
          { errors: errorsWith([]) },
        ),
      },
      handler: async (request) =>
        schemas.pageBody(await useCases.listAuditEntries(schemas.queryOf(request.query))),
    })

    done()
  }
