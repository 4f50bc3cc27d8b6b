import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import type { Clock } from '../../../application/ports/clock.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { actorOf } from '../bearer.ts'
import { responses, WITH_SERVICE_KEY, WITH_STRAY_BODY } from '../responses.ts'
import * as schemas from './all-sessions-schemas.ts'

/** The locks of a batch are held for a moment only. */
const SESSIONS_PER_CALL = 500
const tags = ['Moderation']

/** For operators: count and end the sessions of all users. */
export const allSessionsRoutes =
  (
    useCases: Pick<UseCases, 'countAllSessions' | 'endSessionsOfAllUsers'>,
    clock: Clock,
  ): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/sessions/count', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'countSessionsOfAllUsers',
        summary: 'Count the live sessions of all users',
        response: responses(
          { 200: schemas.sessionCount.describe('The number of live sessions.') },
          { errors: WITH_SERVICE_KEY },
        ),
      },
      handler: async () => ({ live: await useCases.countAllSessions() }),
    })

    app.delete('/sessions', {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'endSessionsOfAllUsers',
        summary: 'End the sessions of all users',
        description:
          `One call ends at most ${SESSIONS_PER_CALL} sessions. Repeat it with \`next_cursor\` until that is null. ` +
          'Sessions that begin after the first call go on.',
        querystring: schemas.endingQuery,
        response: responses(
          { 200: schemas.endedSessions.describe('Some or all of the sessions have ended.') },
          { errors: [...WITH_SERVICE_KEY, ...WITH_STRAY_BODY] },
        ),
      },
      handler: async (request) => {
        const previous = schemas.startOfPage(request.query.cursor)
        const { begunAt, after } = previous ?? { begunAt: clock.now(), after: undefined }
        const batch = { after, begunAt, limit: SESSIONS_PER_CALL }
        const { ended, next } = await useCases.endSessionsOfAllUsers(actorOf(request), batch)
        return {
          ended,
          next_cursor: schemas.nextCursorOf(next && { begunAt, after: next }),
        }
      },
    })

    done()
  }
