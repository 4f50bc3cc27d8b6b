import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { claimDataFolder, DataFolderError } from '../../../src/infrastructure/embedded/data-folder.ts'
import { RunningScript } from '../../support/fixtures/running-script.ts'

let parent: string
let folder: string
const scripts: RunningScript[] = []

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'data-folder-'))
  folder = join(parent, 'data')
})

afterEach(async () => {
  await Promise.all(scripts.splice(0).map((script) => script.kill()))
  rmSync(parent, { recursive: true })
})

const readyToClaim = async (...args: string[]): Promise<RunningScript> => {
  const script = new RunningScript('claim-data-folder.ts', folder, ...args)
  scripts.push(script)
  expect(await script.line()).toBe('ready')
  return script
}

const claimElsewhere = async (): Promise<{ script: RunningScript; outcome: string | undefined }> => {
  const script = await readyToClaim()
  script.say('go')
  return { script, outcome: await script.line() }
}

const refusal = (): string => {
  try {
    claimDataFolder(folder).release()
  } catch (error) {
    expect(error).toBeInstanceOf(DataFolderError)
    return (error as DataFolderError).message
  }
  throw new Error('the folder was free')
}

const collectGarbage = (): void => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

const pidOfAnEndedProcess = async (): Promise<number> => {
  const script = await readyToClaim()
  await script.kill()
  return Number(script.process.pid)
}

describe('the data folder', () => {
  test('the data folder is created only for its owner', () => {
    const claimed = claimDataFolder(folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    claimed.release()
  })

  test('a second process is refused with the folder, its holder and advice', async () => {
    const { script } = await claimElsewhere()

    const message = refusal()

    expect(message).toContain(
      `The data folder ${folder} is in use by process ${String(script.process.pid)} on `,
    )
    expect(message).toMatch(/running since \d{4}-\d\d-\d\dT/)
    expect(message).toContain('Stop that process first, or set DATA_DIR to another folder.')
    expect(message).toContain('set DATABASE_URL to a PostgreSQL server')
    expect(message).not.toContain('\n')
  })

  test('a second claim in one process is refused and does not affect the first', async () => {
    const claimed = claimDataFolder(folder)

    expect(refusal()).toContain(`process ${process.pid}`)

    expect((await claimElsewhere()).outcome).toContain(`process ${process.pid}`)
    claimed.release()
    expect((await claimElsewhere()).outcome).toBe('claimed')
  })

  test('the data folder stays claimed when the returned value is dropped', async () => {
    claimDataFolder(folder)
    collectGarbage()
    expect((await claimElsewhere()).outcome).toContain('is in use by')
  })

  test('the data folder is free immediately after its holder was killed', async () => {
    const { script, outcome } = await claimElsewhere()
    expect(outcome).toBe('claimed')

    await script.kill()

    claimDataFolder(folder).release()
  })

  test('the data folder is free when its holder was killed and a child of the holder survives', async () => {
    const script = await readyToClaim('with-a-child')
    script.say('go')
    expect(await script.line()).toBe('claimed')
    const child = Number(await script.line())

    await script.kill()

    expect(process.kill(child, 0)).toBe(true)
    claimDataFolder(folder).release()
    process.kill(child, 'SIGKILL')
  })

  test('of several processes that start together one gets the data folder, even after a kill', async () => {
    for (let round = 0; round < 4; round += 1) {
      const claimants = await Promise.all([0, 1, 2, 3, 4].map(() => readyToClaim()))
      claimants.forEach((script) => script.say('go'))
      const outcomes = await Promise.all(claimants.map((script) => script.line()))

      expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1)
      expect(outcomes.filter((outcome) => outcome?.includes('is in use by'))).toHaveLength(4)
      await Promise.all(claimants.map((script) => script.kill()))
    }
  })

  test('a refusal does not name a holder that has ended', async () => {
    const ended = {
      pid: await pidOfAnEndedProcess(),
      host: hostname(),
      startedAt: '2020-01-01T00:00:00.000Z',
    }
    await claimElsewhere()
    writeFileSync(join(folder, 'holder.json'), JSON.stringify(ended))
    expect(refusal()).toContain('is in use by another process.')

    writeFileSync(join(folder, 'holder.json'), '{"pid":')
    expect(refusal()).toContain('is in use by another process.')
  })

  test('a file in place of the data folder is refused with the reason', () => {
    writeFileSync(folder, '')
    expect(refusal()).toMatch(/^The data folder .* cannot be created: .*Set DATA_DIR to a folder/)
  })

  test('a released data folder keeps no trace of its holder, and can be released twice', () => {
    const claimed = claimDataFolder(folder)
    expect(statSync(join(folder, 'holder.json')).isFile()).toBe(true)
    claimed.release()
    expect(statSync(join(folder, 'holder.json'), { throwIfNoEntry: false })).toBeUndefined()
    const next = claimDataFolder(folder)
    claimed.release()
    expect(refusal()).toContain('is in use by')
    next.release()
  })
})
