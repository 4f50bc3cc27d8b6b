import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { migratedDatabase, temporaryFolder } from '../support/test-service.ts'

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
  test('tells people where it is on standard error, and machines a JSON object per line on standard output', async () => {
    const { folder, settings } = await emptyFolder()
    const service = await startServiceProcess(settings)
    expect(service.banner).toContain('chat-auth is ready.')
    expect(service.banner).toContain(`(with the key in ${join(folder, 'service-key')})`)
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
  })

  test('says where it listens in the log, too', async () => {
    const { settings } = await emptyFolder()
    const service = await startServiceProcess(settings)
    await service.stop()
    const lines = service.logs.filter(({ event }) => event === 'http.server').map(({ msg }) => msg)
    expect(lines).toEqual([service.internalUrl, service.url].map((url) => `Server listening at ${url}`))
  })
})

describe('a service that cannot start', () => {
  test.each(['service-key', 'auth-secret'])(
    'because its %s is empty says so in one line and exits with 1',
    async (name) => {
      const { folder, settings } = await emptyFolder()
      await writeFile(join(folder, name), '')
      const service = new ServiceProcess(settings)
      expect(await service.exited).toEqual({ code: 1, signal: null })
      expect(service.complaints).toMatch(
        /^The secret in .* is damaged: it needs at least 32 characters\. Put a backup .*\n$/,
      )
      expect(service.complaints).toContain(join(folder, name))
      expect(service.banner).toBe('')
    },
  )

  test('because the database refuses it waits, logs the database’s words at each attempt, and can be stopped', async () => {
    const place = await migratedDatabase()
    places.push(place)
    const service = new ServiceProcess({ ...place.settings, DATABASE_URL: `${place.url}_gone` })
    const line = await service.logged('database.waiting')
    expect(line).toMatchObject({
      level: 'warn',
      attempt: 1,
      reason: expect.stringMatching(/^database ".*_gone" does not exist$/) as string,
    })
    await service.stop()
    expect(service.complaints).toBe('')
  })
})
