import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AttemptBudget, AttemptLimits } from '../../src/application/ports/attempt-limits.ts'
import { at, HOUR } from '../support/builders.ts'
import { outcomes, type OpenStore, type Store } from './store.ts'

const budget: AttemptBudget = {
  key: 'sign-in:account:anna',
  free: 3,
  firstDelaySeconds: 2,
  longestDelaySeconds: 60,
  forgetAfterSeconds: HOUR,
}

/** What every AttemptLimits does. */
export const attemptLimitsContract = (name: string, open: OpenStore): void => {
  describe(`${name} keeps the AttemptLimits contract`, () => {
    let store: Store
    let attempts: AttemptLimits

    beforeAll(async () => {
      store = await open()
      attempts = store.attempts
    })
    beforeEach(() => store.clear())
    afterAll(() => store.close())

    const take = (seconds: number, from: AttemptBudget = budget) => attempts.take([from], at(seconds))
    const takeAll = async (from: AttemptBudget = budget) => {
      for (let attempt = 0; attempt < from.free; attempt += 1) await take(0, from)
    }
    const refusal = (retryAfterSeconds: number) => ({
      code: 'too_many_attempts',
      details: { retryAfterSeconds },
    })

    test('the free attempts get through at once, the next one waits', async () => {
      await takeAll()
      await expect(take(0)).rejects.toMatchObject(refusal(2))
    })

    test('a budget of one attempt lets one through', async () => {
      await take(0, { ...budget, free: 1 })
      await expect(take(0, { ...budget, free: 1 })).rejects.toMatchObject(refusal(2))
    })

    test('the wait is over to the millisecond, and told in whole seconds', async () => {
      await takeAll()
      await expect(take(0.4)).rejects.toMatchObject(refusal(2))
      await expect(take(1.999)).rejects.toMatchObject(refusal(1))
      await take(2)
    })

    test('the wait doubles with each attempt, up to the longest', async () => {
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

    test('the wait stays the longest after any number of attempts', async () => {
      await takeAll()
      for (let attempt = 1; attempt <= 80; attempt += 1) await take(attempt * 60)
      await expect(take(80 * 60)).rejects.toMatchObject(refusal(60))
    })

    test('an attempt that was refused does not make the wait longer', async () => {
      await takeAll()
      for (let attempt = 0; attempt < 5; attempt += 1) await expect(take(1)).rejects.toMatchObject(refusal(1))
      await take(2)
      await expect(take(2)).rejects.toMatchObject(refusal(4))
    })

    test('of 200 parallel attempts exactly the free ones get through', async () => {
      const wide = { ...budget, free: 10 }
      const results = await outcomes(Array.from({ length: 200 }, () => take(0, wide)))
      expect(results).toEqual([
        ...Array<string>(10).fill('done'),
        ...Array<string>(190).fill('too_many_attempts'),
      ])
    })

    test('budgets count apart', async () => {
      await takeAll()
      await take(0, { ...budget, key: 'sign-in:account:bert' })
    })

    const account = { ...budget, key: 'account', free: 2 }
    const network = { ...budget, key: 'network', free: 4 }

    test('an attempt counts against each of its budgets, and the used up one refuses it', async () => {
      await attempts.take([network, account], at(0))
      await attempts.take([network, account], at(0))
      await expect(attempts.take([network, account], at(0))).rejects.toMatchObject(refusal(2))
      await expect(take(0, account)).rejects.toMatchObject(refusal(2))
      await take(0, network)
      await take(0, network)
      await expect(take(0, network)).rejects.toMatchObject(refusal(2))
    })

    test.each([
      ['earlier', [budget, network]],
      ['later', [network, budget]],
    ])('an attempt that an %s budget refuses counts against none', async (_, budgets) => {
      await takeAll()
      for (let n = 0; n < 9; n += 1) {
        await expect(attempts.take(budgets, at(0))).rejects.toMatchObject(refusal(2))
      }
      await takeAll(network)
    })

    test('of 200 parallel attempts at two budgets the narrower one’s count against the wider one', async () => {
      const wide = { ...network, free: 300 }
      const calls = Array.from({ length: 200 }, () => attempts.take([wide, budget], at(0)))
      const results = await outcomes(calls)
      expect(results.filter((result) => result === 'done')).toHaveLength(budget.free)
      // What is left of the wider one is exactly what nobody got.
      for (let n = budget.free; n < wide.free; n += 1) await take(0, wide)
      await expect(take(0, wide)).rejects.toMatchObject(refusal(2))
    })

    test('attempts that name the same budgets in another order do not wait for each other in a circle', async () => {
      const [one, two] = [account, network].map((each) => ({ ...each, free: 1_000 })) as [
        AttemptBudget,
        AttemptBudget,
      ]
      const lives = Array.from({ length: 100 }, async (_, index) => {
        const budgets = index % 2 === 0 ? ([one, two] as const) : ([two, one] as const)
        for (let n = 0; n < 5; n += 1) {
          await attempts.take(budgets, at(0))
          if (n % 2 === 0) await attempts.giveBack(budgets, at(0))
          else await attempts.prove(budgets[0], budgets.slice(1), at(0))
        }
      })
      expect(await outcomes(lives)).toEqual(Array<string>(100).fill('done'))
    })

    test('of two budgets that are used up the longer wait is told', async () => {
      const slow = { ...budget, key: 'slow', firstDelaySeconds: 50 }
      await takeAll()
      await takeAll(slow)
      await expect(attempts.take([budget, slow], at(0))).rejects.toMatchObject(refusal(50))
      await expect(attempts.take([slow, budget], at(0))).rejects.toMatchObject(refusal(50))
    })

    test('a check is refused when an attempt would be, and counts nothing', async () => {
      for (let n = 0; n < 9; n += 1) await attempts.check([budget, network], at(0))
      await takeAll()
      await expect(attempts.check([network, budget], at(0))).rejects.toMatchObject(refusal(2))
      await expect(attempts.check([budget], at(1.999))).rejects.toMatchObject(refusal(1))
      await attempts.check([budget], at(2))
      await attempts.check([network], at(0))
      await attempts.check([{ ...budget, longestDelaySeconds: 2 * HOUR }], at(HOUR))
    })

    test('all is forgotten after a time without an attempt', async () => {
      await takeAll()
      await take(2)
      const last = 2 + HOUR
      await expect(attempts.take([{ ...budget, longestDelaySeconds: 2 * HOUR }], at(5))).rejects.toThrow()
      for (let attempt = 0; attempt < budget.free; attempt += 1) await take(last)
      await expect(take(last)).rejects.toMatchObject(refusal(2))
    })

    test('each attempt keeps the ones before it from being forgotten', async () => {
      await take(0)
      await take(HOUR - 1)
      await take(HOUR + 1)
      await expect(take(HOUR + 1)).rejects.toMatchObject(refusal(2))
    })

    test('nothing is forgotten a millisecond too early', async () => {
      await takeAll()
      await take(HOUR - 0.001)
      await expect(take(HOUR - 0.001)).rejects.toMatchObject(refusal(4))
    })

    test('what is forgotten ends the wait too', async () => {
      const forgetful = { ...budget, free: 1, firstDelaySeconds: 60, forgetAfterSeconds: 30 }
      await take(0, forgetful)
      await expect(take(29, forgetful)).rejects.toMatchObject(refusal(31))
      await take(30, forgetful)
      await expect(take(30, forgetful)).rejects.toMatchObject(refusal(60))
    })

    test('an attempt that is given back can be made again, and its wait is over', async () => {
      await takeAll()
      await attempts.giveBack([budget], at(0))
      await take(0)
      await expect(take(0)).rejects.toMatchObject(refusal(2))
    })

    test('an attempt past the free ones that is given back leaves the budget as it was', async () => {
      await takeAll()
      await take(2)
      await attempts.giveBack([budget], at(2))
      await take(2)
      await expect(take(2)).rejects.toMatchObject(refusal(4))
    })

    test('the wait that a later attempt began goes on when an earlier one is given back', async () => {
      await takeAll()
      await take(2)
      await take(6)
      await attempts.giveBack([budget], at(2))
      await expect(take(6)).rejects.toMatchObject(refusal(8))
      await take(14)
      await expect(take(14)).rejects.toMatchObject(refusal(8))
    })

    test('with fewer than the free attempts counted nobody waits, whichever was given back', async () => {
      await take(0)
      await take(0)
      await take(1)
      await attempts.giveBack([budget], at(0))
      await take(1)
      await expect(take(1)).rejects.toMatchObject(refusal(2))
    })

    test('no more can be given back than was taken', async () => {
      await take(0)
      await attempts.giveBack([budget, budget, budget], at(0))
      await attempts.giveBack([{ ...budget, key: 'never taken' }], at(0))
      await takeAll()
      await expect(take(0)).rejects.toMatchObject(refusal(2))
    })

    test('whoever proves who they are has all attempts of theirs forgotten, one of the others, and no more', async () => {
      const other = { ...budget, key: 'other' }
      await takeAll()
      await takeAll(network)
      await takeAll(other)
      await attempts.prove(budget, [network], at(0))
      await takeAll()
      await take(0, network)
      await expect(take(0, network)).rejects.toMatchObject(refusal(2))
      await expect(take(0, other)).rejects.toMatchObject(refusal(2))
      await attempts.prove(budget, [], at(0))
      await takeAll()
    })

    test('forgotten budgets are removed in portions, those remembered stay', async () => {
      for (const key of ['one', 'two', 'three']) await take(0, { ...budget, key })
      await takeAll({ ...budget, forgetAfterSeconds: 2 * HOUR })
      expect(await attempts.removeForgotten(at(HOUR - 0.001), 10)).toBe(0)
      expect(await attempts.removeForgotten(at(HOUR), 2)).toBe(2)
      expect(await attempts.removeForgotten(at(HOUR), 2)).toBe(1)
      expect(await attempts.removeForgotten(at(HOUR), 2)).toBe(0)
      await expect(take(0)).rejects.toMatchObject(refusal(2))
    })
  })
}
