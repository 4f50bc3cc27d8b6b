import { revocationLogContract } from '../contracts/revocation-log.contract.ts'
import { FakeRevocationLog } from './fake-revocation-log.ts'

revocationLogContract('the fake', () => {
  let log = new FakeRevocationLog()
  return Promise.resolve({
    get log() {
      return log
    },
    commit: (...revocations) => {
      log.commit(...revocations)
      return Promise.resolve()
    },
    removeExpired: (now) => {
      log.removeExpired(now)
      return Promise.resolve()
    },
    clear: () => {
      log = new FakeRevocationLog()
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  })
})
