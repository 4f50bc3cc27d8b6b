import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { ApplicationError, type FieldProblem } from '../../application/errors.ts'
import { unknownField } from './unknown-field.ts'

/** Enough to see the mistake. A body may have tens of thousands of fields. */
const REPORTED_FIELDS = 10

/**
 * The routes, with a hook that refuses the fields of a query or body where the schema of the route has none: a misspelt or
 * misplaced field must not be dropped silently. Fields beside those of a schema are refused by the schema.
 */
export const refusingUnknownFields =
  (routes: FastifyPluginCallback): FastifyPluginCallback =>
  (app, options, done) => {
    app.addHook('preValidation', (request, _reply, next) => {
      const { schema } = request.routeOptions
      const problems = [
        ...(schema?.querystring === undefined ? fieldsOf(request.query) : []),
        ...(schema?.body === undefined ? fieldsOf(request.body) : []),
      ]
      if (problems.length === 0) next()
      else next(new ApplicationError('validation_failed', { fields: problems }))
    })
    routes(app, options, done)
  }

const fieldsOf = (input: FastifyRequest['body']): FieldProblem[] =>
  Object.keys(input ?? {})
    .slice(0, REPORTED_FIELDS)
    .map((field) => unknownField([field]))
