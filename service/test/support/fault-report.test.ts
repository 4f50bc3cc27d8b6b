import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { faultTable, type FaultResult } from './fault-report.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-auth-fault-report-'))
})
afterEach(() => rm(folder, { recursive: true }))

const tableOf = async (...results: readonly FaultResult[]): Promise<string[]> => {
  const file = join(folder, 'results')
  await writeFile(file, results.map((result) => `${JSON.stringify(result)}\n`).join(''))
  return faultTable(file)
}

test('the report has no table if no fault was reported', () => {
  expect(faultTable(join(folder, 'none'))).toEqual([])
})

test('the fault table has a line for each fault and one for the total', async () => {
  const kill = { fault: 'kill', rounds: 2, injected: 2, acknowledged: 100, lost: 0, falseLogouts: 1 }
  const cut = { fault: 'a cut', rounds: 1, injected: 3, acknowledged: 7, lost: 1, falseLogouts: 0 }
  expect(await tableOf({ ...kill, seed: 5 }, cut, { ...kill, seed: 7 })).toEqual([
    'Fault  Rounds  Injected  Acknowledged  Lost  False logouts  Seeds',
    'kill        4         4           200     0              2  5 7',
    'a cut       1         3             7     1              0',
    'total       5         7           207     1              2',
  ])
})
