import { randomUUID } from 'node:crypto'

/** The connection that listens for revocations. Other instances and `restore` find it by this name. */
export const LISTENER = 'chat-auth feed'

/**
 * A name by which the server's list shows the connections of one pool, of this instance only. It begins with `purpose`. A
 * pooler passes the name on, and may add the address of the client.
 */
export const uniqueName = (purpose: string): string => `${purpose} ${randomUUID().slice(0, 8)}`

/** The same address with this name of the program. The driver would prefer a name in the address. */
export function withName(address: string, name: string): string {
  const url = new URL(address)
  url.searchParams.set('application_name', name)
  return url.href
}
