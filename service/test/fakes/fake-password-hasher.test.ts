import { passwordHasherContract } from '../contracts/password-hasher.contract.ts'
import { FakePasswordHasher } from './fake-password-hasher.ts'

passwordHasherContract('FakePasswordHasher', () => ({
  hasher: new FakePasswordHasher(),
  withOtherParameters: new FakePasswordHasher(1),
  foreignHash: FakePasswordHasher.foreignHash('ge\u0308heim'),
}))
