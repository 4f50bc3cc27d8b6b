import type { AvatarSize, DrawnAvatar } from '../../domain/avatar.ts'
import { drawAvatar } from './draw-avatar.ts'

/** About 4 MiB of drawings. */
const KEPT = 1_000

/** Draws what is asked for, and keeps the last few: one takes milliseconds, and a page of people asks for many. */
export function createDrawnAvatars(draw = drawAvatar): typeof drawAvatar {
  const drawings = new Map<string, Buffer>()
  return (avatar: DrawnAvatar, size: AvatarSize): Buffer => {
    const key = JSON.stringify([avatar, size])
    const drawing = drawings.get(key) ?? draw(avatar, size)
    // Last in the order of the map is whoever was asked for last.
    drawings.delete(key)
    drawings.set(key, drawing)
    const oldest = drawings.keys().next()
    if (drawings.size > KEPT && oldest.done !== true) drawings.delete(oldest.value)
    return drawing
  }
}
