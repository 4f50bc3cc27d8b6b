import { createHash } from 'node:crypto'
import { ApplicationError } from '../../src/application/errors.ts'
import type { Pictures } from '../../src/application/ports/pictures.ts'
import type { Avatar } from '../../src/domain/avatar.ts'

/** Accepts any bytes except `no picture` as a picture, and keeps them as they are. */
export class FakePictures implements Pictures {
  /** While it is true, every picture is refused as `overloaded`. */
  isFull = false

  requireCapacity(): void {
    if (this.isFull) throw new ApplicationError('overloaded', { retryAfterSeconds: 2 })
  }

  async makeAvatar(read: () => Promise<Uint8Array>): Promise<Avatar> {
    this.requireCapacity()
    const bytes = await read()
    if (Buffer.from(bytes).toString() === 'no picture') throw new ApplicationError('unsupported_picture')
    return fakeAvatar(bytes)
  }
}

export const fakeAvatar = (content: string | Uint8Array): Avatar => {
  const bytes = Buffer.from(content)
  const name = createHash('sha256').update(bytes).digest('hex')
  return { name, pictures: { 512: bytes, 128: Buffer.concat([Buffer.from('small '), bytes]) } }
}
