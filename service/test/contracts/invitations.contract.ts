import { expect, test } from 'vitest'
import { at } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { aNewUser, inTransaction, type Store } from './store.ts'

export const invitationsContract = describeContract('Invitations', (store: Store) => {
  const invite = (uses = 1) =>
    store.transactions.transaction('service:ops', (tx) =>
      tx.invitations.add({ uses, note: 'for a class', createdAt: at(0), expiresAt: at(60) }),
    )
  const spend = (token: string, seconds = 30) =>
    inTransaction(store, (tx) => tx.invitations.spend(token, at(seconds)))

  test('an invitation can be used as often as it says, and not after it expired', async () => {
    const { invitation, token } = await invite(2)
    expect(invitation).toEqual({
      id: expect.any(Number) as number,
      uses: 2,
      usesLeft: 2,
      note: 'for a class',
      createdAt: at(0),
      createdBy: 'service:ops',
      expiresAt: at(60),
    })
    expect(await spend(token, 60)).toBeUndefined()
    expect(await spend(token)).toBe(invitation.id)
    expect(await store.invitations.list(undefined, 10)).toEqual([{ ...invitation, usesLeft: 1 }])
    expect(await store.invitations.isValid(token, at(59.999))).toBe(true)
    expect(await store.invitations.isValid(token, at(60))).toBe(false)
    expect(await spend(token)).toBe(invitation.id)
    expect(await spend(token)).toBeUndefined()
    expect(await store.invitations.isValid(token, at(30))).toBe(false)
  })

  test('each invitation has a token of its own, and no other text is one', async () => {
    const [{ token }, other] = [await invite(), await invite()]
    expect(token).not.toBe(other.token)
    for (const text of ['', token.slice(1), `${token} `, `${token}\u0000`]) {
      expect(await store.invitations.isValid(text, at(30))).toBe(false)
      expect(await spend(text)).toBeUndefined()
    }
  })

  test(
    'of 20 parallel sign-ups with an invitation for 3, three succeed',
    { tags: ['ACCOUNT-9'] },
    async () => {
      const { token } = await invite(3)
      const results = await Promise.all(Array.from({ length: 20 }, () => spend(token)))
      expect(results.filter((id) => id !== undefined)).toHaveLength(3)
    },
  )

  test('a transaction that fails gives the use back', { tags: ['ACCOUNT-9'] }, async () => {
    const { token } = await invite()
    await inTransaction(store, (tx) => tx.users.add(aNewUser('anna')))
    const refused = inTransaction(store, async (tx) => {
      await tx.invitations.spend(token, at(30))
      await tx.users.add(aNewUser('anna'))
    })
    await expect(refused).rejects.toMatchObject({ code: 'username_taken' })
    expect(await store.invitations.isValid(token, at(30))).toBe(true)
  })

  test('a revoked invitation is worthless and no longer listed', async () => {
    const [first, second] = [await invite(), await invite()]
    const revoke = (id: number) =>
      store.transactions.transaction('service:ops', (tx) => tx.invitations.revoke(id, at(40)))
    expect(await revoke(first.invitation.id)).toBe(true)
    expect(await revoke(first.invitation.id)).toBe(false)
    expect(await spend(first.token)).toBeUndefined()
    expect(await store.invitations.list(undefined, 10)).toEqual([second.invitation])
  })

  test('invitations are listed newest first, page by page', async () => {
    const ids: number[] = []
    for (let number = 0; number < 3; number += 1) ids.unshift((await invite()).invitation.id)
    const first = await store.invitations.list(undefined, 2)
    const second = await store.invitations.list(first[1]?.id, 2)
    expect([...first, ...second].map(({ id }) => id)).toEqual(ids)
  })

  test('creating and revoking an invitation is in the audit log, without its token', async () => {
    const { invitation, token } = await invite()
    await store.transactions.transaction('service:ops', (tx) => tx.invitations.revoke(invitation.id, at(40)))
    const entries = await store.auditLog.page({ actor: 'service:ops', limit: 10 })
    expect(entries).toMatchObject([
      { action: 'invitation.revoked', at: at(40), data: { invitation_id: invitation.id } },
      { action: 'invitation.created', at: at(0), data: { invitation_id: invitation.id } },
    ])
    expect(JSON.stringify(entries)).not.toContain(token)
  })
})
