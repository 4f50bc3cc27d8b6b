import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ServiceProcess, startServiceProcess } from '../../support/service-process.ts'
import { migratedDatabase } from '../../support/test-service.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const places: { remove: () => Promise<void> }[] = []

const emptyFolder = async () => {
  const place = await temporaryFolder()
  places.push(place)
  return place
}

afterEach(async () => {
  for (const { remove } of places.splice(0)) await remove()
})

describe('a started service', () => {
  test(
    'a started service prints a banner on standard error and only JSON lines on standard output',
    { tags: ['OPS-6'] },
    async () => {
      const { folder, settings } = await emptyFolder()
      const service = await startServiceProcess(settings)
      expect(service.banner).toContain('chat-auth is ready.')
      expect(service.banner).toContain(`${join(folder, 'verifier-key')}  (for services that verify tokens)`)
      expect(service.banner).toContain(`${join(folder, 'service-key')}  (for operators)`)
      expect(service.banner).toContain(folder)
      await service.client().register()
      await service.stop()
      expect([service.strayLines, service.complaints]).toEqual([[], ''])
      expect(service.logs.length).toBeGreaterThan(1)
      for (const line of service.logs) {
        expect(line).toMatchObject({
          event: expect.stringMatching(/^[a-z_-]+\.[a-z_]+$/) as string,
          level: expect.any(String) as string,
          service: 'chat-auth',
        })
      }
    },
  )

  test('a started service logs the addresses it listens on', async () => {
    const { settings } = await emptyFolder()
    const service = await startServiceProcess(settings)
    await service.stop()
    const lines = service.logs.filter(({ event }) => event === 'http.server').map(({ msg }) => msg)
    expect(lines).toEqual([service.internalUrl, service.url].map((url) => `Server listening at ${url}`))
  })
})

describe('a service whose terminal is closed', () => {
  test('SIGHUP ends the service in order, as SIGINT does', async () => {
    const { settings } = await emptyFolder()
    const service = await startServiceProcess(settings)
    service.signal('SIGHUP')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    expect(service.complaints).toBe('')
  })
})

describe('a service that cannot start', () => {
  test.each(['service-key', 'verifier-key', 'auth-secret'])(
    'a service whose %s is empty explains it in one line and exits with 1',
    async (name) => {
      const { folder, settings } = await emptyFolder()
      await writeFile(join(folder, name), '')
      const service = new ServiceProcess(settings)
      expect(await service.exited).toEqual({ code: 1, signal: null })
      expect(service.complaints).toMatch(
        /^The secret in .* is damaged: it needs at least 32 characters\. Restore the file .*\n$/,
      )
      expect(service.complaints).toContain(join(folder, name))
      expect(service.banner).toBe('')
    },
  )

  test('a service whose database is down waits, logs each reason, and can be stopped', async () => {
    const place = await migratedDatabase()
    places.push(place)
    const service = new ServiceProcess({ ...place.settings, DATABASE_URL: 'postgres://x@127.0.0.1:1/x' })
    const line = await service.logged('database.waiting')
    expect(line).toMatchObject({
      level: 'warn',
      attempt: 1,
      reason: 'connect ECONNREFUSED 127.0.0.1:1',
    })
    await service.stop()
    expect(service.complaints).toBe('')
  })
})
