import { attemptLimitsContract } from './attempt-limits.contract.ts'
import { auditLogContract } from './audit-log.contract.ts'
import { deliveriesContract } from './deliveries.contract.ts'
import { factorsContract } from './factors.contract.ts'
import { emailHoldersContract } from './email-holders.contract.ts'
import { invitationsContract } from './invitations.contract.ts'
import { mediaContract } from './media.contract.ts'
import { sessionsContract } from './sessions.contract.ts'
import { signingKeyStoreContract } from './signing-key-store.contract.ts'
import { spentProofsContract } from './spent-proofs.contract.ts'
import { ticketsContract } from './tickets.contract.ts'
import { transactionsContract } from './transactions.contract.ts'
import { userDeletionContract } from './user-deletion.contract.ts'
import { userSearchContract } from './user-search.contract.ts'
import { usersContract } from './users.contract.ts'
import type { Contract } from './describe-contract.ts'
import type { Store } from './store.ts'

/** The contracts of all ports that store something. */
export const describeStoreContracts: Contract<Store> = (implementation, open) => {
  attemptLimitsContract(implementation, open)
  auditLogContract(implementation, open)
  deliveriesContract(implementation, open)
  factorsContract(implementation, open)
  emailHoldersContract(implementation, open)
  invitationsContract(implementation, open)
  mediaContract(implementation, open)
  sessionsContract(implementation, open)
  signingKeyStoreContract(implementation, open)
  spentProofsContract(implementation, open)
  ticketsContract(implementation, open)
  transactionsContract(implementation, open)
  userDeletionContract(implementation, open)
  userSearchContract(implementation, open)
  usersContract(implementation, open)
}
