import type { z } from 'zod'
import type { findings } from '../http/internal/doctor-schemas.ts'
import type { Command } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { table, type Cell } from './table.ts'

type Findings = z.infer<typeof findings>

export const runDoctor: Command = async ({ call }) => {
  const body = (await call('GET', '/v1/doctor')) as Findings
  const rows = body.findings.flatMap(({ check, status, detail, advice }): Cell[][] => [
    [check, status, detail],
    ...(advice === null ? [] : [['', '', `→ ${advice}`]]),
  ])
  return {
    json: body,
    text: `${table(['CHECK', 'STATUS', 'DETAIL'], rows, 'There are no checks.')}\n${summary(body)}\n`,
    exitCode: body.status === 'failed' ? exitCodes.failed : exitCodes.done,
  }
}

function summary({ findings }: Findings): string {
  const failed = findings.filter(({ status }) => status === 'failed').length
  const warnings = findings.filter(({ status }) => status === 'warning').length
  if (failed + warnings === 0) return 'All checks passed.'
  return `${failed} failed, ${warnings === 1 ? '1 warning' : `${warnings} warnings`}.`
}
