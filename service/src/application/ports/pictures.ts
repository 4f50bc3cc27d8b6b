import type { Avatar } from '../../domain/avatar.ts'

/** Makes the pictures that are shown of what people send. */
export interface Pictures {
  /** Throws `overloaded` when `makeAvatar` would now. */
  requireRoom(): void

  /**
   * Reads an upload and makes a picture of its pixels alone: nothing else that was in it comes out. How many uploads are
   * held and how many are decoded at once is bounded; past it throws `overloaded`, before `read` is called.
   *
   * Goes by the content, whatever it is called, and looks at its form and size before anything is decoded. Throws
   * `picture_too_large`, `unsupported_picture` for what is no PNG, JPEG or WebP, and `validation_failed` for `avatar` with
   * `broken`, `animated` or `too_many_pixels`; and whatever `read` throws.
   */
  makeAvatar(read: () => Promise<Uint8Array>): Promise<Avatar>
}
