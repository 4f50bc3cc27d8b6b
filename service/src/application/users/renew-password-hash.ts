import { normalizePassword } from '../../domain/password.ts'
import type { User } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { Users } from '../ports/users.ts'

/**
 * Replaces a hash of an older kind, now that the password is known (ASVS 11.4.2). Sign-in goes on without it when too
 * much is being hashed: the next one comes.
 */
export const renewPasswordHash =
  ({ passwords, users }: { passwords: PasswordHasher; users: Users }) =>
  async (user: User, typed: string): Promise<void> => {
    const password = normalizePassword(typed)
    if (password === undefined) return
    try {
      await users.renewPasswordHash(user.id, user.passwordHash, await passwords.hash(password))
    } catch (error) {
      if (!(error instanceof ApplicationError && error.code === 'overloaded')) throw error
    }
  }
