import { attemptLimitsContract } from '../../contracts/attempt-limits.contract.ts'
import { deliveriesContract } from '../../contracts/deliveries.contract.ts'
import { mediaContract } from '../../contracts/media.contract.ts'
import { sessionsContract } from '../../contracts/sessions.contract.ts'
import { signingKeyStoreContract } from '../../contracts/signing-key-store.contract.ts'
import { ticketsContract } from '../../contracts/tickets.contract.ts'
import { transactionsContract } from '../../contracts/transactions.contract.ts'
import { userDeletionContract } from '../../contracts/user-deletion.contract.ts'
import { userSearchContract } from '../../contracts/user-search.contract.ts'
import { usersContract } from '../../contracts/users.contract.ts'
import { openOnServer } from './open-store.ts'

usersContract('PostgreSQL', () => openOnServer())
userSearchContract('PostgreSQL', () => openOnServer())
userDeletionContract('PostgreSQL', () => openOnServer())
sessionsContract('PostgreSQL', () => openOnServer())
transactionsContract('PostgreSQL', () => openOnServer())
attemptLimitsContract('PostgreSQL', () => openOnServer())
signingKeyStoreContract('PostgreSQL', () => openOnServer())
ticketsContract('PostgreSQL', () => openOnServer())
mediaContract('PostgreSQL', () => openOnServer())
deliveriesContract('PostgreSQL', () => openOnServer())
