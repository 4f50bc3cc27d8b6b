import { afterAll } from 'vitest'
import { describeStoreContracts } from '../../contracts/store-contracts.ts'
import { openEmbedded, type PostgresStore } from './open-store.ts'

let opened: Promise<PostgresStore> | undefined

afterAll(async () => (await opened)?.close())

/** All contracts use one database, one after the other: each start of PGlite takes more time than most contracts. */
const open = async (): Promise<PostgresStore> => {
  const store = await (opened ??= openEmbedded())
  await store.clear()
  return { ...store, close: () => Promise.resolve() }
}

describeStoreContracts('PGlite', open)
