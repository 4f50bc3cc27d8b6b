// Spin visits every state of the models of docs/model.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { searchModel } from '../scripts/spin/search-model.ts'

const search = (model: string, switches: readonly string[], isLong = false) =>
  searchModel({ path: join(import.meta.dirname, '../docs/model', model), switches, isLong })

/** A search is limited to a minute of CPU time, which may take longer on a shared machine. */
const timeout = 300_000

describe('no state of a model breaks a promise', { timeout, tags: ['PROTOCOL-1'] }, () => {
  test.for([
    { model: 'refresh.pml', switches: ['LAST=3'], statesAtLeast: 300_000 },
    { model: 'feed.pml', switches: ['SESSIONS=3'], statesAtLeast: 1_000_000 },
    { model: 'feed.pml', switches: ['SESSIONS=2', 'WITH_EXPIRY'], statesAtLeast: 1_000_000 },
  ])('$model with $switches has no bad state', async ({ model, switches, statesAtLeast }) => {
    const result = await search(model, switches, true)
    expect(result, result.report).toMatchObject({ errors: 0, violated: undefined, isComplete: true })
    expect(result.unreached).toEqual([])
    // A model whose processes are stuck has few states and keeps every promise.
    expect(result.states).toBeGreaterThan(statesAtLeast)
  })

  test('parallel refreshes after a lost response need a window that counts from the first use', async () => {
    const result = await search('refresh.pml', ['LAST=2', 'PARALLEL_AFTER_LOSS', 'WINDOW_AFTER_USE'])
    expect(result, result.report).toMatchObject({ errors: 0, isComplete: true })
    expect(result.states).toBeGreaterThan(100_000)
  })
})

describe('each rule of the protocol prevents something', { timeout, tags: ['PROTOCOL-1'] }, () => {
  test.for([
    { without: 'NO_RECEIPT_PROOF', violated: 'honest_user_accused' },
    { without: 'NO_REPEAT', violated: 'honest_user_accused' },
    { without: 'USE_BEFORE_PERSIST', violated: 'honest_user_accused' },
    { without: 'LATE_REQUESTS', violated: 'honest_user_accused' },
    { without: 'PARALLEL_AFTER_LOSS', violated: 'honest_user_accused' },
    { without: 'NO_ROLL_FORWARD', violated: 'honest_user_signed_out' },
    { without: 'NO_CONFIRM', violated: 'spent_token_worked' },
    { without: 'REPLAY_ACCEPTED', violated: 'spent_token_worked' },
  ])('refresh.pml with $without has a state with $violated', async ({ without, violated }) => {
    const result = await search('refresh.pml', ['LAST=2', without])
    expect(result, result.report).toMatchObject({ errors: 1, violated })
  })

  test.for([
    ['NO_LOG_IDENTITY'],
    ['NO_MARKS'],
    ['NO_MARK_IN_ID'],
    ['UNKNOWN_MARK_FITS', 'WITH_EXPIRY'],
    ['NO_MERGE'],
    ['NO_STALENESS'],
    ['AGE_AT_ARRIVAL'],
    ['EARLIER_READING'],
    ['LATE_TIME'],
  ])('feed.pml with %s has a state with an ended session accepted', async (switches) => {
    const result = await search('feed.pml', ['SESSIONS=2', ...switches])
    expect(result, result.report).toMatchObject({ errors: 1, violated: 'ended_session_accepted' })
  })
})
