import type { RawData } from 'ws'

/** As long as the longest access token, which a renewal carries, and some. */
export const LONGEST_MESSAGE_BYTES = 8 * 1024
const LONGEST_TEXT = 1000

/** A message from a client. */
export type Message =
  { readonly type: 'say'; readonly text: string } | { readonly type: 'renew'; readonly access_token: string }

/** A message to a client. Times are in seconds, as in tokens. */
export type Reply =
  | { readonly type: 'welcome'; readonly user_id: number; readonly expires_at: number }
  | { readonly type: 'here'; readonly user_ids: readonly number[] }
  | { readonly type: 'said'; readonly user_id: number; readonly text: string; readonly at: string }
  | { readonly type: 'renewed'; readonly expires_at: number }
  | { readonly type: 'refused'; readonly code: string }

/** Undefined for whatever is none. */
export function readMessage(data: RawData): Message | undefined {
  const { type, text, access_token } = fieldsOf(data)
  if (type === 'renew' && typeof access_token === 'string') return { type, access_token }
  if (type !== 'say' || typeof text !== 'string') return undefined
  const said = text.trim()
  return said === '' || said.length > LONGEST_TEXT ? undefined : { type, text: said }
}

function fieldsOf(data: RawData): { type?: unknown; text?: unknown; access_token?: unknown } {
  try {
    // `ws` hands over a Buffer unless told otherwise.
    return Object(JSON.parse((data as Buffer).toString())) as object
  } catch {
    return {}
  }
}
