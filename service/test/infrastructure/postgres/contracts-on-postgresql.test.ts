import { attemptLimitsContract } from '../../contracts/attempt-limits.contract.ts'
import { sessionsContract } from '../../contracts/sessions.contract.ts'
import { signingKeyStoreContract } from '../../contracts/signing-key-store.contract.ts'
import { ticketsContract } from '../../contracts/tickets.contract.ts'
import { transactionsContract } from '../../contracts/transactions.contract.ts'
import { usersContract } from '../../contracts/users.contract.ts'
import { openOnServer } from './open-store.ts'

usersContract('PostgreSQL', () => openOnServer())
sessionsContract('PostgreSQL', () => openOnServer())
transactionsContract('PostgreSQL', () => openOnServer())
attemptLimitsContract('PostgreSQL', () => openOnServer())
signingKeyStoreContract('PostgreSQL', () => openOnServer())
ticketsContract('PostgreSQL', () => openOnServer())
