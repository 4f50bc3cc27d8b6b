import type { Avatar } from '../../domain/avatar.ts'

/** Makes users' pictures from uploads. */
export interface Pictures {
  /** Throws `overloaded` when `makeAvatar` would throw it now. It reserves nothing. */
  requireCapacity(): void

  /**
   * Reads an upload and makes a picture of its pixels. Nothing else of the upload is kept. The number of uploads held
   * and decoded at the same time is bounded; beyond it this throws `overloaded`, before `read` is called.
   *
   * The content decides, not the name or type of the file. Format and size are checked before anything is decoded.
   * Throws `picture_too_large`, `unsupported_picture` for a file that is not a PNG, JPEG or WebP, and
   * `validation_failed` for `avatar` with `broken`, `animated` or `too_many_pixels`; and whatever `read` throws.
   */
  makeAvatar(read: () => Promise<Uint8Array>): Promise<Avatar>
}
