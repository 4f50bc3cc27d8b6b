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
import { openEmbedded } from './open-store.ts'

usersContract('PGlite', openEmbedded)
userSearchContract('PGlite', openEmbedded)
userDeletionContract('PGlite', openEmbedded)
sessionsContract('PGlite', openEmbedded)
transactionsContract('PGlite', openEmbedded)
attemptLimitsContract('PGlite', openEmbedded)
signingKeyStoreContract('PGlite', openEmbedded)
ticketsContract('PGlite', openEmbedded)
mediaContract('PGlite', openEmbedded)
deliveriesContract('PGlite', openEmbedded)
