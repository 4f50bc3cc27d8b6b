import type { Counter, Meter } from '@opentelemetry/api'
import { ApplicationError, type ErrorCode } from '../../application/errors.ts'
import type { IssuedChallenge } from '../../application/sessions/issue-challenge.ts'
import type { IssuedTokens } from '../../application/sessions/issue-tokens.ts'
import type { RefreshedTokens } from '../../application/sessions/refresh-session.ts'
import type { UseCases } from '../../application/use-cases.ts'
import { aroundUseCases, type UseCaseName } from './around-use-cases.ts'
import { BatchedCounter } from './batched-counter.ts'

type Code = ErrorCode | 'internal_error'

/** These start at 0, so that Prometheus sees the first of a kind as a rise. */
const SIGN_IN_RESULTS = [
  'ok',
  'challenged',
  'invalid_code',
  'challenge_gone',
  'second_factor_required',
  'invalid_credentials',
  'user_disabled',
  'too_many_attempts',
  'overloaded',
  'validation_failed',
  'unavailable',
  'internal_error',
]
const REFRESH_RESULTS: Partial<Record<Code, string>> = {
  refresh_token_reused: 'replay',
  session_ended: 'ended',
  invalid_refresh_token: 'unknown',
  unavailable: 'unavailable',
  internal_error: 'internal_error',
}
/** The two halves of a sign-in with a second factor count apart. */
const SIGN_INS: readonly UseCaseName[] = ['createSession', 'completeSignIn']
/** Expensive use cases: they refuse calls when there are too many. */
const LIMITED: readonly UseCaseName[] = [
  'createSession',
  'completeSignIn',
  'registerUser',
  'reauthenticate',
  'changePassword',
  'updateUser',
  'deleteUser',
  'setAvatar',
  'resetPassword',
]

/** Counts the results of sign-ins and refreshes, and the refusals and failures of every use case. */
export class OutcomeMetrics {
  readonly #signIns: Counter
  readonly #refreshes: BatchedCounter<{ result: string }>
  readonly #refusals: Counter

  constructor(meter: Meter) {
    this.#signIns = meter.createCounter('chat_auth_sign_ins', { description: 'Sign-ins by result' })
    this.#refreshes = new BatchedCounter(
      meter,
      'chat_auth_refreshes',
      'Refreshes by result',
      ({ result }) => result,
    )
    this.#refusals = meter.createCounter('chat_auth_refusals', {
      description: 'Calls of use cases that were refused or failed, by use case and error code',
    })
    for (const result of SIGN_IN_RESULTS) this.#signIns.add(0, { result })
    for (const result of ['rotated', 'repeated', 'rolled_forward', ...Object.values(REFRESH_RESULTS)]) {
      this.#refreshes.add(0, { result })
    }
  }

  observeUseCases(useCases: UseCases): UseCases {
    for (const use_case of Object.keys(useCases)) {
      for (const code of ['unavailable', 'internal_error']) this.#refusals.add(0, { use_case, code })
    }
    for (const use_case of LIMITED) {
      for (const code of ['overloaded', 'too_many_attempts']) this.#refusals.add(0, { use_case, code })
    }
    return aroundUseCases(useCases, async (name, call) => {
      try {
        const output = await call()
        this.#countSuccess(name, output)
        return output
      } catch (error) {
        this.#countRefusal(name, error instanceof ApplicationError ? error.code : 'internal_error')
        throw error
      }
    })
  }

  #countSuccess(name: UseCaseName, output: unknown): void {
    if (SIGN_INS.includes(name)) {
      const isChallenge = 'challenge' in (output as IssuedTokens | IssuedChallenge)
      this.#signIns.add(1, { result: isChallenge ? 'challenged' : 'ok' })
    }
    if (name !== 'refreshSession') return
    this.#refreshes.add(1, { result: (output as RefreshedTokens).result })
  }

  #countRefusal(name: UseCaseName, code: Code): void {
    this.#refusals.add(1, { use_case: name, code })
    if (SIGN_INS.includes(name)) this.#signIns.add(1, { result: code })
    if (name === 'refreshSession') this.#refreshes.add(1, { result: REFRESH_RESULTS[code] ?? code })
  }
}
