import type { z } from 'zod'
import type { createdInvitation, invitationList } from '../http/internal/invitation-schemas.ts'
import { pathWithQuery, type Command } from './command.ts'
import { shortText, table, time } from './table.ts'
import { nextPageHint } from './user-commands.ts'

type Created = z.infer<typeof createdInvitation>
type InvitationList = z.infer<typeof invitationList>

export interface NewInvitationInput {
  readonly uses: number
  readonly expiresAt: string | undefined
  readonly note: string | undefined
}

export const createInvitation =
  ({ uses, expiresAt, note }: NewInvitationInput): Command =>
  async ({ call }) => {
    const wanted = {
      uses,
      ...(expiresAt !== undefined && { expires_at: expiresAt }),
      ...(note !== undefined && { note }),
    }
    const created = (await call('POST', '/v1/invitations', wanted)) as Created
    const signUps = created.uses === 1 ? '1 sign-up' : `${created.uses} sign-ups`
    const validity = `Invitation ${created.id} for ${signUps}, until ${time(created.expires_at)}. It is not shown again:`
    return { json: created, text: `${validity}\n${created.invitation}\n` }
  }

export const listInvitations =
  (query: { limit: number | undefined; cursor: string | undefined }): Command =>
  async ({ call }) => {
    const list = (await call('GET', pathWithQuery('/v1/invitations', { ...query }))) as InvitationList
    const rows = list.items.map((one) => [
      one.id,
      `${one.uses_left} of ${one.uses}`,
      time(one.expires_at),
      time(one.created_at),
      one.created_by,
      one.note === null ? null : shortText(one.note),
    ])
    const headings = ['ID', 'LEFT', 'EXPIRES', 'CREATED', 'BY', 'NOTE']
    const text = table(headings, rows, 'There are no invitations.') + nextPageHint(list.next_cursor)
    return { json: list, text }
  }

export const revokeInvitation =
  ({ id }: { id: string }): Command =>
  async ({ call }) => {
    await call('DELETE', `/v1/invitations/${id}`)
    return { json: { revoked: id }, text: `Nobody can sign up with invitation ${id} any more.\n` }
  }
