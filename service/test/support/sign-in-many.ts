// Signs in the devices of many users, so that all can refresh in parallel.
import type { AcknowledgedRecord } from './acknowledged-record.ts'
import { CheckingClient } from './checking-client.ts'
import { TestClient } from './test-client.ts'

const DEVICES_EACH = 10

/** Signs in at the instance at `urls[0]`. Later requests may use any of the instances. */
export async function signInMany(
  urls: readonly string[],
  count: number,
  record: AcknowledgedRecord,
): Promise<CheckingClient[]> {
  const people = Array.from({ length: Math.ceil(count / DEVICES_EACH) }, (_, at) =>
    signInPerson(urls, Math.min(DEVICES_EACH, count - at * DEVICES_EACH), record),
  )
  return (await Promise.all(people)).flat()
}

async function signInPerson(
  urls: readonly string[],
  devices: number,
  record: AcknowledgedRecord,
): Promise<CheckingClient[]> {
  const transport = new TestClient(urls[0] ?? '')
  const person = await transport.register()
  const log = record.of(person.username)
  log.note({ what: 'registration' }, 'acknowledged')
  const clients: CheckingClient[] = []
  while (clients.length < devices) {
    const tokens = await transport.signIn(person)
    log.note({ what: 'sign-in', session: tokens.session.id }, 'acknowledged')
    clients.push(new CheckingClient(tokens, urls, log))
  }
  return clients
}
