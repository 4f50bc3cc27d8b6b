// Many people's devices, signed in and ready to refresh all at once.
import type { AcknowledgedRecord } from './acknowledged-record.ts'
import { HonestClient } from './honest-client.ts'
import { TestClient } from './test-client.ts'

const DEVICES_EACH = 10

/** On the instance at `urls[0]`; afterwards each goes where it likes. */
export async function signInCrowd(
  urls: readonly string[],
  count: number,
  record: AcknowledgedRecord,
): Promise<HonestClient[]> {
  const people = Array.from({ length: Math.ceil(count / DEVICES_EACH) }, (_, at) =>
    signInPerson(urls, Math.min(DEVICES_EACH, count - at * DEVICES_EACH), record),
  )
  return (await Promise.all(people)).flat()
}

async function signInPerson(
  urls: readonly string[],
  devices: number,
  record: AcknowledgedRecord,
): Promise<HonestClient[]> {
  const transport = new TestClient(urls[0] ?? '')
  const person = await transport.register()
  const diary = record.of(person.username)
  diary.note({ what: 'registration' }, 'acknowledged')
  const clients: HonestClient[] = []
  while (clients.length < devices) {
    const tokens = await transport.signIn(person)
    diary.note({ what: 'sign-in', session: tokens.session.id }, 'acknowledged')
    clients.push(new HonestClient(tokens, urls, diary))
  }
  return clients
}
