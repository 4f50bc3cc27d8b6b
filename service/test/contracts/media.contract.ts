import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Avatar, AvatarSize } from '../../src/domain/avatar.ts'
import type { User } from '../../src/domain/user.ts'
import { fakeAvatar } from '../fakes/fake-pictures.ts'
import { addUser, inTransaction, outcomes, type OpenStore, type Store } from './store.ts'

/** What every Media does. */
export const mediaContract = (name: string, open: OpenStore): void => {
  describe(`${name} keeps the Media contract`, () => {
    let store: Store
    let anna: User
    let bert: User

    beforeAll(async () => {
      store = await open()
    })
    beforeEach(async () => {
      await store.clear()
      anna = await addUser(store, 'anna')
      bert = await addUser(store, 'bert')
    })
    afterAll(() => store.close())

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
      'a picture comes back byte by byte, %#',
      async (content) => {
        await put(anna, fakeAvatar(content))
        await expectKept(fakeAvatar(content))
      },
    )

    test('a new picture takes the place of the old one', async () => {
      await put(anna, fakeAvatar('old'))
      await put(anna, fakeAvatar('new'))
      await expectKept(fakeAvatar('new'))
      await expectGone(fakeAvatar('old'))
    })

    test('a removed picture is gone; removing it again, or none, is no error', async () => {
      await put(anna, fakeAvatar('a'))
      await put(bert, fakeAvatar('b'))
      await remove(anna)
      await remove(anna)
      await expectGone(fakeAvatar('a'))
      await expectKept(fakeAvatar('b'))
    })

    test('the same picture of two people stays until neither has it', async () => {
      const same = fakeAvatar('the same')
      await put(anna, same)
      await put(bert, same)
      await remove(anna)
      await expectKept(same)
      await put(bert, fakeAvatar('another'))
      await expectGone(same)
    })

    test('there is none of another name', async () => {
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

    test('what a transaction that fails did to pictures is undone', async () => {
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

    test('of many pictures given at once one is left', async () => {
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
}
