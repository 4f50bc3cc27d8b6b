import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { responses } from '../responses.ts'
import { findings } from './doctor-schemas.ts'
import { FINDING_STATUSES, type Doctor, type Finding } from './finding.ts'

/** For operators: problems of this instance and its environment. */
export const doctorRoutes =
  (doctor: Doctor): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/doctor', {
      config: { scope: 'operate' },
      schema: {
        tags: ['Service'],
        operationId: 'examine',
        summary: 'Check settings, database, keys, clock, feed and outbox of this instance',
        description:
          'Measures on every call. The status is 200 whatever the checks find. Load balancers should use /health/ready.',
        response: responses({ 200: findings.describe('The findings.') }, { errors: ['invalid_service_key'] }),
      },
      handler: async () => findingsBody(await doctor.examine()),
    })

    done()
  }

const findingsBody = (found: readonly Finding[]) => ({
  status: FINDING_STATUSES.findLast((each) => found.some(({ status }) => status === each)) ?? 'ok',
  findings: found.map((finding) => ({
    check: finding.check,
    status: finding.status,
    detail: finding.detail,
    advice: finding.advice ?? null,
  })),
})
