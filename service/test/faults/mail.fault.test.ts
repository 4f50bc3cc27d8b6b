// Kills a process while it sends mail. TEST_SEED replays it.
import { expect, onTestFailed, onTestFinished, test } from 'vitest'
import { recordFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { MailServer } from '../support/mail-server.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { newUser } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const rounds = faultRounds(2)
const SIGN_UPS = 3

test(
  'kill -9 between a sign-up and its mail loses no mail, and repeats it at most once for each kill',
  { tags: ['MAIL-9'], timeout: timeoutFor(rounds) },
  async () => {
    const random = seededRandom()
    const result = recordFault('kill -9 while mail is sent', random.seed)
    onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
    const mails = await MailServer.start()
    const { settings, remove } = await migratedDatabase()
    const all = { ...settings, SMTP_URL: mails.url, MAIL_FROM: 'no-reply@chat.example.org' }
    const addresses: string[] = []
    /** By address: how many kills its mail may have been repeated for. */
    const kills = new Map<string, number>()
    for (let round = 0; round < rounds; round += 1) {
      const service = await startServiceProcess(all)
      onTestFinished(() => service.kill())
      // The first mails are accepted. The next ones are in flight when the process is killed: before the server has them, or
      // after, so that only the process does not know.
      let accepted = random.below(SIGN_UPS)
      const last = random.isTrue(0.5) ? 'swallow' : 'hang'
      const interrupted = new Set<string>()
      mails.refuse = (step, address) => {
        if (step !== 'mail') return undefined
        accepted -= 1
        if (accepted >= 0) return undefined
        // On a slow machine the process gives up waiting and tries again before it is killed.
        if (interrupted.has(address)) return 'hang'
        interrupted.add(address)
        return last
      }
      for (let count = 0; count < SIGN_UPS; count += 1) {
        const person = newUser()
        await service.client().register(person)
        addresses.push(person.email)
        kills.set(person.email, rounds - round)
        result.acknowledged += 1
      }
      await service.alive(mails.until(() => interrupted.size > 0))
      await service.kill()
      result.rounds += 1
      result.injected += 1
    }
    mails.refuse = () => undefined
    const service = await startServiceProcess(all)
    await service.alive(mails.until(() => addresses.every((address) => mails.to(address).length > 0)))
    await service.stop()
    for (const address of addresses) {
      const copies = mails.to(address)
      expect(copies.length).toBeLessThanOrEqual(1 + (kills.get(address) ?? 0))
      expect(new Set(copies.map(({ messageId }) => messageId)).size).toBe(1)
    }
    const duplicates = mails.received.length - addresses.length
    console.log(`${addresses.length} mails arrived, ${duplicates} of them again, after ${rounds} kills`)
    await mails.down()
    await remove()
  },
)
