import { beforeEach, expect, test } from 'vitest'
import type { Avatar, AvatarSize } from '../../src/domain/avatar.ts'
import type { User } from '../../src/domain/user.ts'
import { fakeAvatar } from '../fakes/fake-pictures.ts'
import { describeContract } from './describe-contract.ts'
import { addUser, inTransaction, outcomes, type Store } from './store.ts'

export const mediaContract = describeContract('Media', (store: Store) => {
  let anna: User
  let bert: User

  beforeEach(async () => {
    anna = await addUser(store, 'anna')
    bert = await addUser(store, 'bert')
  })

  const put = ({ id }: User, avatar: Avatar) => inTransaction(store, (tx) => tx.media.put(id, avatar))
  const remove = ({ id }: User) => inTransaction(store, (tx) => tx.media.remove(id))
  const find = async (avatar: Avatar, size: AvatarSize) => {
    const found = await store.media.find(avatar.name, size)
    return found && Buffer.from(found)
  }
  const expectKept = async (avatar: Avatar) => {
    expect(await find(avatar, 512)).toEqual(Buffer.from(avatar.pictures[512]))
    expect(await find(avatar, 128)).toEqual(Buffer.from(avatar.pictures[128]))
  }
  const expectGone = async (avatar: Avatar) => {
    expect([await find(avatar, 512), await find(avatar, 128)]).toEqual([undefined, undefined])
  }

  const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  const large = new Uint8Array(400_000).map((_, at) => at ** 2 % 251)

  test.each([everyByte, large, new Uint8Array(0)])(
    'a picture is returned byte by byte as it was stored, %#',
    async (content) => {
      await put(anna, fakeAvatar(content))
      await expectKept(fakeAvatar(content))
    },
  )

  test('a new picture replaces the old one', async () => {
    await put(anna, fakeAvatar('old'))
    await put(anna, fakeAvatar('new'))
    await expectKept(fakeAvatar('new'))
    await expectGone(fakeAvatar('old'))
  })

  test('a removed picture is gone, and removing it again is not an error', async () => {
    await put(anna, fakeAvatar('a'))
    await put(bert, fakeAvatar('b'))
    await remove(anna)
    await remove(anna)
    await expectGone(fakeAvatar('a'))
    await expectKept(fakeAvatar('b'))
  })

  test(
    'the same picture of two users stays until neither of them has it',
    { tags: ['HTTP-15'] },
    async () => {
      const same = fakeAvatar('the same')
      await put(anna, same)
      await put(bert, same)
      await remove(anna)
      await expectKept(same)
      await put(bert, fakeAvatar('another'))
      await expectGone(same)
    },
  )

  test('a picture is not found under another name', async () => {
    const avatar = fakeAvatar('a')
    await put(anna, avatar)
    const { name } = avatar
    const others = [
      '',
      ' ',
      '%',
      '_',
      '\0',
      '\ud800',
      `${name} `,
      ` ${name}`,
      name.slice(1),
      name.toUpperCase(),
    ]
    for (const other of [...others, `${name}\0`, 'x'.repeat(100_000)]) {
      expect(await store.media.find(other, 512)).toBeUndefined()
    }
  })

  test('changes of pictures in a failed transaction are rolled back', async () => {
    await put(anna, fakeAvatar('old'))
    const failing = inTransaction(store, async (tx) => {
      await tx.media.put(anna.id, fakeAvatar('new'))
      await tx.media.remove(anna.id)
      throw new Error('after all')
    })
    await expect(failing).rejects.toThrow('after all')
    await expectKept(fakeAvatar('old'))
    await expectGone(fakeAvatar('new'))
  })

  test('of many pictures that a user gets in parallel one is left', async () => {
    const avatars = Array.from({ length: 16 }, (_, at) => fakeAvatar(`picture ${at}`))
    const calls = avatars.map((avatar) =>
      inTransaction(store, async (tx) => {
        await tx.users.lock(anna.id)
        await tx.media.put(anna.id, avatar)
      }),
    )
    expect(new Set(await outcomes(calls))).toEqual(new Set(['done']))
    const kept = await Promise.all(avatars.map((avatar) => find(avatar, 512)))
    expect(kept.filter((bytes) => bytes !== undefined)).toHaveLength(1)
  })
})
