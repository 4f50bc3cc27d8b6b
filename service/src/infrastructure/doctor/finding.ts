import { ApplicationError } from '../../application/errors.ts'
import type { Finding } from '../../interface-adapters/http/doctor-routes.ts'

export const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail })

export const warning = (check: string, detail: string, advice: string): Finding => ({
  ...{ check, status: 'warning', detail, advice },
})

export const failed = (check: string, detail: string, advice: string): Finding => ({
  ...{ check, status: 'failed', detail, advice },
})

/** A check that cannot be made has failed, and says why in the words of whoever refused it. */
export async function attempt(
  check: string,
  measure: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await measure()
  } catch (error) {
    return [failed(check, `cannot be checked: ${words(error)}`, adviceOn(error))]
  }
}

const words = (error: unknown): string => {
  if (error instanceof ApplicationError && error.cause !== undefined) return words(error.cause)
  return error instanceof Error ? error.message : String(error)
}

const adviceOn = (error: unknown): string =>
  error instanceof ApplicationError && error.code === 'unavailable'
    ? 'See that the database runs and answers, and that DATABASE_URL is right.'
    : 'See what these words say; if they say nothing to you, report them.'

export function readable(milliseconds: number): string {
  const size = Math.abs(milliseconds)
  if (size < 10) return `${milliseconds.toFixed(1)} ms`
  if (size < 2_000) return `${milliseconds.toFixed(0)} ms`
  if (size < 120_000) return `${(milliseconds / 1_000).toFixed(1)} s`
  return size < 7_200_000
    ? `${(milliseconds / 60_000).toFixed(0)} min`
    : `${(milliseconds / 3_600_000).toFixed(1)} h`
}
