import { describe, expect, test } from 'vitest'
import { ownPasswordShare, registrationShare, signInShare } from '../../src/application/hashing-shares.ts'
import type { PasswordHash } from '../../src/domain/password.ts'
import type { HashingShare } from '../../src/application/ports/password-hasher.ts'
import { hasherWith } from '../fakes/fake-password-hasher.ts'
import { aWorld, away, home, password, type World } from './world.ts'

const inIpv6 = {
  text: '2001:db8:1:203::5',
  network: '2001:db8:1:203::/64',
  widerNetworks: ['2001:db8:1:200::/56', '2001:db8:1::/48'],
}

describe('the shares of hashing', () => {
  test('a network of IPv6 is inside the networks around it', { tags: ['SIGN-IN-40'] }, () => {
    const networks = ['2001:db8:1::/48', '2001:db8:1:200::/56', '2001:db8:1:203::/64']
    expect(signInShare(inIpv6, 'anna', false)).toEqual(['strangers', ...networks, 'sign-in:anna'])
    expect(registrationShare(inIpv6)).toEqual(['strangers', ...networks, 'registration'])
  })

  test('known users, strangers and signed-in users have separate shares', { tags: ['SIGN-IN-40'] }, () => {
    const shares = [
      signInShare(home, 'anna', true),
      signInShare(home, 'anna', false),
      registrationShare(home),
      ownPasswordShare(7 as never),
    ]
    expect(shares).toEqual([
      ['known', '203.0.113.7/32', 'sign-in:anna'],
      ['strangers', '203.0.113.7/32', 'sign-in:anna'],
      ['strangers', '203.0.113.7/32', 'registration'],
      ['signed in', '7'],
    ])
  })
})

describe('the use cases that hash', () => {
  /** A user `anna`, and the shares of every call of the hasher. */
  async function observed(): Promise<{ world: World; calls: string[] }> {
    const calls: string[] = []
    const note = (what: string, ...shares: readonly HashingShare[]): void => {
      calls.push(`${what} ${shares.map((share) => share.join(' > ')).join(' or ')}`)
    }
    const world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        requireCapacity: (...shares) => note('ask', ...shares),
        hash: (typed, share) => {
          note('hash', share)
          return passwords.hash(typed, share)
        },
        verify: (typed, stored, inUse, share) => {
          note('verify', share)
          return passwords.verify(typed, stored, inUse, share)
        },
      }),
    }))
    await world.addUser('anna')
    return { world, calls }
  }
  const ANNA = 'sign-in:anna'

  test('a first sign-in from a network counts as a stranger, the next one as known', async () => {
    const { world, calls } = await observed()
    await world.signIn({ address: away })
    const { network } = away
    expect(calls.splice(0)).toEqual([
      `ask known > ${network} > ${ANNA} or strangers > ${network} > ${ANNA}`,
      `ask strangers > ${network} > ${ANNA}`,
      `verify strangers > ${network} > ${ANNA}`,
    ])
    await world.signIn({ address: away })
    expect(calls.at(-1)).toBe(`verify known > ${network} > ${ANNA}`)
  })

  test('a known device is known in every network', { tags: ['SIGN-IN-40'] }, async () => {
    const { world, calls } = await observed()
    await world.signIn({ address: home, deviceId: 'phone' })
    await world.signIn({ address: away, deviceId: 'phone' })
    expect(calls.at(-1)).toBe(`verify known > ${away.network} > ${ANNA}`)
  })

  test('a device is looked up before a full queue can refuse it', { tags: ['SIGN-IN-40'] }, async () => {
    const { world, calls } = await observed()
    await world.signIn({ address: away, deviceId: 'phone' })
    const share = `strangers > ${away.network} > ${ANNA}`
    expect(calls).toEqual([`ask ${share}`, `verify ${share}`])
  })

  test('an unknown name has the share of a stranger', { tags: ['SIGN-IN-40', 'SIGN-IN-12'] }, async () => {
    const { world, calls } = await observed()
    await expect(world.signIn({ username: 'nobody' })).rejects.toMatchObject({ code: 'invalid_credentials' })
    expect(calls.at(-1)).toBe(`verify strangers > ${home.network} > sign-in:nobody`)
  })

  test('a hash is renewed in the share of its sign-in', async () => {
    const { world, calls } = await observed()
    await world.addUser('benno', { passwordHash: `fake$1$${password}` as PasswordHash })
    await world.signIn({ username: 'benno' })
    const share = `strangers > ${home.network} > sign-in:benno`
    expect(calls.slice(-2)).toEqual([`verify ${share}`, `hash ${share}`])
  })

  test('a registration has the share of its network', { tags: ['SIGN-IN-40'] }, async () => {
    const { world, calls } = await observed()
    const wanted = { username: 'cleo', email: 'cleo@example.org', password: 'a better horse' }
    await world.useCases.registerUser({
      ...wanted,
      invitation: undefined,
      address: home,
      purchase: undefined,
    })
    const share = `strangers > ${home.network} > registration`
    expect(calls).toEqual([`ask ${share}`, `hash ${share}`])
  })

  test('a signed-in user checks and changes the password in their own share', async () => {
    const { world, calls } = await observed()
    const caller = await world.signInAsCaller()
    calls.length = 0
    await world.useCases.changePassword(caller, { currentPassword: password, newPassword: 'a better horse' })
    const share = `signed in > ${caller.user.id}`
    expect(calls).toEqual([`ask ${share}`, `verify ${share}`, `hash ${share}`])
  })
})
