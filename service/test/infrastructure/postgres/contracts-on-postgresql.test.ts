import { describeStoreContracts } from '../../contracts/store-contracts.ts'
import { openOnServer } from './open-store.ts'

describeStoreContracts('PostgreSQL', () => openOnServer())
