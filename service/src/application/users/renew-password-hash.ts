import { normalizePassword } from '../../domain/password.ts'
import type { User } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { HashingShare, PasswordHasher } from '../ports/password-hasher.ts'
import type { Users } from '../ports/users.ts'

/**
 * Replaces a hash of an older kind, now that the password is known (ASVS 11.4.2). If the hasher is
 * overloaded, the sign-in goes on without it: the next one tries again.
 */
export const renewPasswordHash =
  ({ passwords, users }: { passwords: PasswordHasher; users: Users }) =>
  async (user: User, typed: string, share: HashingShare): Promise<void> => {
    const password = normalizePassword(typed)
    if (password === undefined) return
    try {
      await users.renewPasswordHash(user.id, user.passwordHash, await passwords.hash(password, share))
    } catch (error) {
      if (!(error instanceof ApplicationError && error.code === 'overloaded')) throw error
    }
  }
