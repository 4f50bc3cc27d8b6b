import { migratedDatabase, startOn, type TestService } from '../service/test/support/test-service.ts'

/** Starts two instances on one database of their own. */
export async function startPair(): Promise<{
  readonly instances: readonly [TestService, TestService]
  readonly databaseUrl: string
  readonly stop: () => Promise<void>
}> {
  const place = await migratedDatabase()
  const shared = { settings: place.settings, remove: () => Promise.resolve() }
  const instances = await Promise.all([startOn(shared), startOn(shared)])
  const stop = async () => {
    await Promise.all(instances.map((instance) => instance.stop()))
    await place.remove()
  }
  return { instances, databaseUrl: place.url, stop }
}
