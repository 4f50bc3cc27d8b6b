import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { answers } from './answers.ts'

const FINDING_STATUSES = ['ok', 'warning', 'failed'] as const

/** What a check came to. One that finds several things says each. */
export interface Finding {
  readonly check: string
  readonly status: (typeof FINDING_STATUSES)[number]
  /** What was measured. */
  readonly detail: string
  /** What to do; undefined when there is nothing. */
  readonly advice?: string
}

/** Looks at what an operator could have set up wrong, or what could have gone wrong since. */
export interface Doctor {
  examine(): Promise<readonly Finding[]>
}

/** For operators: what is wrong with this instance and its surroundings. */
export const doctorRoutes =
  (doctor: Doctor): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get('/doctor', {
      schema: {
        tags: ['Service'],
        security: [{ serviceKey: [] }],
        operationId: 'examine',
        summary: 'Check settings, database, keys, clock, feed and outbox of this instance',
        description:
          'Measures at each call, and answers 200 whatever it finds. /health/ready is what load balancers ask.',
        response: answers({ 200: findings.describe('What was found.') }, { errors: ['invalid_service_key'] }),
      },
      handler: async () => present(await doctor.examine()),
    })

    done()
  }

const status = z.enum(FINDING_STATUSES)

export const findings = z
  .object({
    status: status.meta({ description: 'The worst of all.' }),
    findings: z.array(
      z.object({
        check: z.string().meta({ examples: ['clock'] }),
        status,
        detail: z.string().meta({ examples: ['0.4 ms ahead of that of the database'] }),
        advice: z
          .string()
          .nullable()
          .meta({ description: 'What to do; null when there is nothing.', examples: [null] }),
      }),
    ),
  })
  .meta({ id: 'Findings' })

const present = (found: readonly Finding[]) => ({
  status: FINDING_STATUSES.findLast((each) => found.some(({ status }) => status === each)) ?? 'ok',
  findings: found.map(({ check, status, detail, advice }) => ({
    ...{ check, status, detail },
    advice: advice ?? null,
  })),
})
