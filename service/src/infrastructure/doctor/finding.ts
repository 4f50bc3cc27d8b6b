import { ApplicationError } from '../../application/errors.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'

export const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail })

export const warning = (check: string, detail: string, advice: string): Finding => ({
  check,
  status: 'warning',
  detail,
  advice,
})

export const failed = (check: string, detail: string, advice: string): Finding => ({
  check,
  status: 'failed',
  detail,
  advice,
})

/** A check that cannot run has failed. Its detail is the message of the error. */
export async function attempt(
  check: string,
  measure: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await measure()
  } catch (error) {
    return [failed(check, `cannot be checked: ${messageOf(error)}`, adviceOn(error))]
  }
}

const messageOf = (error: unknown): string => {
  if (error instanceof ApplicationError && error.cause !== undefined) return messageOf(error.cause)
  return error instanceof Error ? error.message : String(error)
}

const adviceOn = (error: unknown): string =>
  error instanceof ApplicationError && error.code === 'unavailable'
    ? 'Check that the database runs and responds, and that DATABASE_URL is right.'
    : 'Read the message above. If it does not help, report it as a bug.'

export function readable(milliseconds: number): string {
  const size = Math.abs(milliseconds)
  if (size < 10) return `${milliseconds.toFixed(1)} ms`
  if (size < 2_000) return `${milliseconds.toFixed(0)} ms`
  if (size < 120_000) return `${(milliseconds / 1_000).toFixed(1)} s`
  return size < 7_200_000
    ? `${(milliseconds / 60_000).toFixed(0)} min`
    : `${(milliseconds / 3_600_000).toFixed(1)} h`
}
