import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestOrigin } from '../../application/ports/audit-log.ts'

/** Called only if something is recorded, since most requests record nothing. */
type ReadOrigin = () => RequestOrigin

/**
 * The origin of the request in whose course the code runs. It is ambient, because it changes no decision: use cases that
 * pass it along could forget to. Outside of requests, as in background tasks, there is none.
 */
export const requestOrigins = new AsyncLocalStorage<ReadOrigin>()

export const currentOrigin = (): RequestOrigin | undefined => requestOrigins.getStore()?.()
