import { describeStoreContracts } from '../../contracts/store-contracts.ts'
import { openThroughPgbouncer } from './open-store.ts'

describeStoreContracts('PgBouncer 1.24 in transaction mode', () =>
  openThroughPgbouncer('transaction', { version: '1.24' }),
)
describeStoreContracts('PgBouncer 1.18 in session mode', () =>
  openThroughPgbouncer('session', { version: '1.18', plain: 'session' }),
)
