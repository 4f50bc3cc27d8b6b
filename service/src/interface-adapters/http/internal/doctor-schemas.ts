import { z } from 'zod'
import { FINDING_STATUSES } from './finding.ts'

const status = z.enum(FINDING_STATUSES)

export const findings = z
  .object({
    status: status.meta({ description: 'The worst status of all checks.' }),
    findings: z.array(
      z.object({
        check: z.string().meta({ examples: ['clock'] }),
        status,
        detail: z.string().meta({ examples: ['0.4 ms ahead of that of the database'] }),
        advice: z
          .string()
          .nullable()
          .meta({
            description: 'The next step for the operator; null if there is nothing to do.',
            examples: [null],
          }),
      }),
    ),
  })
  .meta({ id: 'Findings' })
