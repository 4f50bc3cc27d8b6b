import { expect, test } from 'vitest'
import { systemClock } from '../src/clock.ts'
import { createContinuousClock } from '../src/continuous-clock.ts'

/** A machine whose clocks a test moves. */
function start(uptime = 500_000) {
  const clocks = { monotonic: 1_000, wall: 1_769_860_800_000, uptime }
  let uptimeReads = 0
  const now = createContinuousClock({
    monotonicMs: () => clocks.monotonic,
    wallMs: () => clocks.wall,
    uptimeMs: () => {
      uptimeReads += 1
      return clocks.uptime
    },
  })
  const pass = (ms: number, names: readonly (keyof typeof clocks)[] = ['monotonic', 'wall', 'uptime']) => {
    for (const name of names) clocks[name] += ms
  }
  return { now, pass, uptimeReads: () => uptimeReads }
}

test('the clock of a verifier goes on while the machine is suspended', () => {
  const { now, pass } = start()
  const before = now()
  pass(2_000)
  pass(8_000, ['wall', 'uptime'])
  expect(now() - before).toBe(10_000)
  pass(1_000)
  pass(5_000, ['wall', 'uptime'])
  expect(now() - before).toBe(16_000)
})

test('a wall clock that is set does not move the clock of a verifier', () => {
  const { now, pass } = start()
  const before = now()
  pass(3_600_000, ['wall'])
  expect(now()).toBe(before)
  pass(-7_200_000, ['wall'])
  pass(1_000)
  expect(now() - before).toBe(1_000)
})

test('the clock of a verifier never goes back, and counts no rounding of the uptime', () => {
  const { now, pass } = start()
  const before = now()
  pass(-200, ['uptime'])
  pass(150, ['wall'])
  expect(now()).toBe(before)
  pass(250, ['uptime'])
  pass(150, ['wall'])
  expect(now()).toBe(before)
})

test('without an uptime the clock of a verifier is the monotonic one', () => {
  const { now, pass } = start(NaN)
  const before = now()
  pass(1_000)
  pass(5_000, ['wall'])
  expect(now() - before).toBe(1_000)
})

test('the uptime is read only when the wall clock has moved against the monotonic one', () => {
  const { now, pass, uptimeReads } = start()
  const reads = uptimeReads()
  for (let round = 0; round < 100; round += 1) {
    pass(1_000)
    now()
  }
  expect(uptimeReads()).toBe(reads)
})

test('the clock of this machine goes on', () => {
  const before = systemClock.monotonicMs()
  expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before)
})
