import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Refusal, RefusalBuffer } from './refusal-buffer.ts'

/** Faults of the service, and a replay, which is recorded as an event. */
const NOT_NOTED: readonly ErrorCode[] = [
  'overloaded',
  'unavailable',
  'no_signing_keys',
  'no_messaging',
  'no_mail',
  'refresh_token_reused',
]

/** Makes an attempt. If it is refused, the refusal is noted for the audit log. */
export const noteRefusal =
  ({ refusals }: { readonly refusals: Pick<RefusalBuffer, 'add'> }) =>
  async <T>(about: Omit<Refusal, 'result'>, attempt: () => T | Promise<T>): Promise<T> => {
    try {
      return await attempt()
    } catch (error) {
      const isRefusal = error instanceof ApplicationError && !NOT_NOTED.includes(error.code)
      if (isRefusal) refusals.add({ ...about, result: error.code })
      throw error
    }
  }
