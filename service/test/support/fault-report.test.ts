import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { faultTable, type FaultTally } from './fault-report.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-auth-fault-report-'))
})
afterEach(() => rm(folder, { recursive: true }))

const tableOf = async (...tallies: readonly FaultTally[]): Promise<string[]> => {
  const file = join(folder, 'tallies')
  await writeFile(file, tallies.map((tally) => `${JSON.stringify(tally)}\n`).join(''))
  return faultTable(file)
}

test('there is no table without faults', () => {
  expect(faultTable(join(folder, 'none'))).toEqual([])
})

test('each fault has a line, whatever number of tests reported it, and all of them have one', async () => {
  const kill = { fault: 'kill', rounds: 2, injected: 2, acknowledged: 100, lost: 0, falseLogouts: 1 }
  const cut = { fault: 'a cut', rounds: 1, injected: 3, acknowledged: 7, lost: 1, falseLogouts: 0 }
  expect(await tableOf({ ...kill, seed: 5 }, cut, { ...kill, seed: 7 })).toEqual([
    'Fault  Rounds  Injected  Acknowledged  Lost  False logouts  Seeds',
    'kill        4         4           200     0              2  5 7',
    'a cut       1         3             7     1              0',
    'total       5         7           207     1              2',
  ])
})
