import { expect, test } from 'vitest'
import type { AttemptBudget } from '../../src/application/ports/attempt-limits.ts'
import { at, HOUR } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { outcomes, type Store } from './store.ts'

const budget: AttemptBudget = {
  key: 'sign-in:account:anna',
  free: 3,
  firstDelaySeconds: 2,
  longestDelaySeconds: 60,
  forgetAfterSeconds: HOUR,
}

export const attemptLimitsContract = describeContract('AttemptLimits', (store: Store) => {
  const take = (seconds: number, from: AttemptBudget = budget) => store.attempts.take([from], at(seconds))
  const takeAll = async (from: AttemptBudget = budget) => {
    for (let attempt = 0; attempt < from.free; attempt += 1) await take(0, from)
  }
  const refusal = (retryAfterSeconds: number) => ({
    code: 'too_many_attempts',
    details: { retryAfterSeconds },
  })

  test('the free attempts pass without a wait, the next one has to wait', async () => {
    await takeAll()
    await expect(take(0)).rejects.toMatchObject(refusal(2))
  })

  test('a budget of one attempt accepts one attempt', async () => {
    await take(0, { ...budget, free: 1 })
    await expect(take(0, { ...budget, free: 1 })).rejects.toMatchObject(refusal(2))
  })

  test('the wait ends to the millisecond, and is reported in whole seconds', async () => {
    await takeAll()
    await expect(take(0.4)).rejects.toMatchObject(refusal(2))
    await expect(take(1.999)).rejects.toMatchObject(refusal(1))
    await take(2)
  })

  test('the wait doubles with each attempt, up to the longest wait', async () => {
    await takeAll()
    let now = 0
    const waits: number[] = []
    for (const wait of [2, 4, 8, 16, 32, 60, 60]) {
      await expect(take(now)).rejects.toMatchObject(refusal(wait))
      waits.push(wait)
      now += wait
      await take(now)
    }
    expect(waits).toHaveLength(7)
  })

  test('the wait stays at the longest wait after any number of attempts', async () => {
    await takeAll()
    for (let attempt = 1; attempt <= 80; attempt += 1) await take(attempt * 60)
    await expect(take(80 * 60)).rejects.toMatchObject(refusal(60))
  })

  test.each([2 * HOUR, 17_520 * HOUR])(
    'a clock that was %i s ahead and is right again makes nobody wait longer than the longest wait',
    async (ahead) => {
      for (let attempt = 0; attempt < 3; attempt += 1) await take(ahead)
      await expect(take(ahead)).rejects.toMatchObject(refusal(2))
      await takeAll()
      await expect(take(0)).rejects.toMatchObject(refusal(2))
    },
  )

  test('an attempt that was refused does not make the wait longer', async () => {
    await takeAll()
    for (let attempt = 0; attempt < 5; attempt += 1) await expect(take(1)).rejects.toMatchObject(refusal(1))
    await take(2)
    await expect(take(2)).rejects.toMatchObject(refusal(4))
  })

  test('of 200 parallel attempts exactly the free ones pass', async () => {
    const wide = { ...budget, free: 10 }
    const results = await outcomes(Array.from({ length: 200 }, () => take(0, wide)))
    expect(results).toEqual([
      ...Array<string>(10).fill('done'),
      ...Array<string>(190).fill('too_many_attempts'),
    ])
  })

  test('each budget counts its own attempts', async () => {
    await takeAll()
    await take(0, { ...budget, key: 'sign-in:account:bert' })
  })

  const account = { ...budget, key: 'account', free: 2 }
  const network = { ...budget, key: 'network', free: 4 }

  test('an attempt counts against all of its budgets, and a used-up one refuses it', async () => {
    await store.attempts.take([network, account], at(0))
    await store.attempts.take([network, account], at(0))
    await expect(store.attempts.take([network, account], at(0))).rejects.toMatchObject(refusal(2))
    await expect(take(0, account)).rejects.toMatchObject(refusal(2))
    await take(0, network)
    await take(0, network)
    await expect(take(0, network)).rejects.toMatchObject(refusal(2))
  })

  test.each([
    ['earlier', [budget, network]],
    ['later', [network, budget]],
  ])('an attempt that an %s budget refuses counts against no budget', async (_, budgets) => {
    await takeAll()
    for (let n = 0; n < 9; n += 1) {
      await expect(store.attempts.take(budgets, at(0))).rejects.toMatchObject(refusal(2))
    }
    await takeAll(network)
  })

  test('of parallel attempts on two budgets, only accepted ones count against the wider budget', async () => {
    const wide = { ...network, free: 300 }
    const calls = Array.from({ length: 200 }, () => store.attempts.take([wide, budget], at(0)))
    const results = await outcomes(calls)
    expect(results.filter((result) => result === 'done')).toHaveLength(budget.free)
    // The rest of the wider budget is exactly what the narrower one refused.
    for (let n = budget.free; n < wide.free; n += 1) await take(0, wide)
    await expect(take(0, wide)).rejects.toMatchObject(refusal(2))
  })

  test('attempts that name the same budgets in another order do not deadlock', async () => {
    const [one, two] = [account, network].map((each) => ({ ...each, free: 1_000 })) as [
      AttemptBudget,
      AttemptBudget,
    ]
    const lives = Array.from({ length: 100 }, async (_, index) => {
      const budgets = index % 2 === 0 ? ([one, two] as const) : ([two, one] as const)
      for (let n = 0; n < 5; n += 1) {
        await store.attempts.take(budgets, at(0))
        if (n % 2 === 0) await store.attempts.giveBack(budgets, at(0))
        else await store.attempts.reset(budgets[0])
      }
    })
    expect(await outcomes(lives)).toEqual(Array<string>(100).fill('done'))
  })

  test('of two used-up budgets the longer wait is reported', async () => {
    const slow = { ...budget, key: 'slow', firstDelaySeconds: 50 }
    await takeAll()
    await takeAll(slow)
    await expect(store.attempts.take([budget, slow], at(0))).rejects.toMatchObject(refusal(50))
    await expect(store.attempts.take([slow, budget], at(0))).rejects.toMatchObject(refusal(50))
  })

  test('a budget is forgotten after a time without an attempt', async () => {
    await takeAll()
    await take(2)
    const last = 2 + HOUR
    await expect(store.attempts.take([{ ...budget, longestDelaySeconds: 2 * HOUR }], at(5))).rejects.toThrow()
    for (let attempt = 0; attempt < budget.free; attempt += 1) await take(last)
    await expect(take(last)).rejects.toMatchObject(refusal(2))
  })

  test('each attempt prolongs the memory of the attempts before it', async () => {
    await take(0)
    await take(HOUR - 1)
    await take(HOUR + 1)
    await expect(take(HOUR + 1)).rejects.toMatchObject(refusal(2))
  })

  test(
    'an attempt that is given back does not prolong the memory of those before it',
    { tags: ['LIMIT-4'] },
    async () => {
      await take(0)
      await take(100)
      await store.attempts.giveBack([budget], at(100))
      await takeAll({ ...budget, key: 'another' })
      for (let attempt = 0; attempt < budget.free; attempt += 1) await take(HOUR)
      await expect(take(HOUR)).rejects.toMatchObject(refusal(2))
    },
  )

  test('the memory of a later attempt stays when an earlier one is given back', async () => {
    await take(0)
    await take(100)
    await store.attempts.giveBack([budget], at(0))
    await take(HOUR)
    await take(HOUR)
    await expect(take(HOUR)).rejects.toMatchObject(refusal(2))
  })

  test('an attempt without budgets is not refused', async () => {
    await store.attempts.take([], at(0))
  })

  test('a budget is not forgotten a millisecond too early', async () => {
    await takeAll()
    await take(HOUR - 0.001)
    await expect(take(HOUR - 0.001)).rejects.toMatchObject(refusal(4))
  })

  test('the wait ends when its budget is forgotten', async () => {
    const forgetful = { ...budget, free: 1, firstDelaySeconds: 60, forgetAfterSeconds: 30 }
    await take(0, forgetful)
    await expect(take(29, forgetful)).rejects.toMatchObject(refusal(31))
    await take(30, forgetful)
    await expect(take(30, forgetful)).rejects.toMatchObject(refusal(60))
  })

  test('an attempt that is given back can be made again without a wait', async () => {
    await takeAll()
    await store.attempts.giveBack([budget], at(0))
    await take(0)
    await expect(take(0)).rejects.toMatchObject(refusal(2))
  })

  test('giving back an attempt beyond the free ones leaves the budget as it was', async () => {
    await takeAll()
    await take(2)
    await store.attempts.giveBack([budget], at(2))
    await take(2)
    await expect(take(2)).rejects.toMatchObject(refusal(4))
  })

  test('the wait of a later attempt continues when an earlier attempt is given back', async () => {
    await takeAll()
    await take(2)
    await take(6)
    await store.attempts.giveBack([budget], at(2))
    await expect(take(6)).rejects.toMatchObject(refusal(8))
    await take(14)
    await expect(take(14)).rejects.toMatchObject(refusal(8))
  })

  test('with fewer attempts than the free ones there is no wait, whichever was given back', async () => {
    await take(0)
    await take(0)
    await take(1)
    await store.attempts.giveBack([budget], at(0))
    await take(1)
    await expect(take(1)).rejects.toMatchObject(refusal(2))
  })

  test('no more attempts can be given back than were taken', async () => {
    await take(0)
    await store.attempts.giveBack([budget, budget, budget], at(0))
    await store.attempts.giveBack([{ ...budget, key: 'never taken' }], at(0))
    await takeAll()
    await expect(take(0)).rejects.toMatchObject(refusal(2))
  })

  test('a reset clears the budget and no other', async () => {
    const other = { ...budget, key: 'other' }
    await takeAll()
    await takeAll(other)
    await store.attempts.reset(budget)
    await takeAll()
    await expect(take(0)).rejects.toMatchObject(refusal(2))
    await expect(take(0, other)).rejects.toMatchObject(refusal(2))
  })

  test('forgotten budgets are removed in batches, the others stay', async () => {
    for (const key of ['one', 'two', 'three']) await take(0, { ...budget, key })
    await takeAll({ ...budget, forgetAfterSeconds: 2 * HOUR })
    expect(await store.attempts.removeForgotten(at(HOUR - 0.001), 10)).toBe(0)
    expect(await store.attempts.removeForgotten(at(HOUR), 2)).toBe(2)
    expect(await store.attempts.removeForgotten(at(HOUR), 2)).toBe(1)
    expect(await store.attempts.removeForgotten(at(HOUR), 2)).toBe(0)
    await expect(take(0, { ...budget, forgetAfterSeconds: 2 * HOUR })).rejects.toMatchObject(refusal(2))
  })
})
