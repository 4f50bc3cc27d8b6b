import { describe, expect, test } from 'vitest'
import {
  afterFailure,
  closedCircuit,
  isOpen,
  isPaused,
  type Circuit,
} from '../../src/domain/circuit-breaker.ts'
import type { UserId } from '../../src/domain/user.ts'
import { at } from '../support/builders.ts'

const failFor = (circuit: Circuit, users: number[], seconds = 0, chance = 0): Circuit =>
  users.reduce((each, user) => afterFailure(each, user as UserId, at(seconds), chance), circuit)

describe('the circuit of a consumer', () => {
  test('the circuit opens when deliveries of five users fail in a row', () => {
    const four = failFor(closedCircuit, [1, 2, 3, 4])
    expect([isOpen(four), isPaused(four, at(0))]).toEqual([false, false])
    const five = failFor(four, [5])
    expect([isOpen(five), isPaused(five, at(4.999)), isPaused(five, at(5))]).toEqual([true, true, false])
  })

  test('failing deliveries of up to four users do not open the circuit', () => {
    const circuit = failFor(
      closedCircuit,
      Array.from({ length: 400 }, (_, at) => at % 4),
    )
    expect(isOpen(circuit)).toBe(false)
  })

  test('each failed probe doubles the pause of the circuit, up to two minutes', () => {
    let circuit = failFor(closedCircuit, [1, 2, 3, 4, 5])
    const pauses: number[] = []
    for (let now = 0; pauses.length < 7;) {
      const ends = circuit.pausedUntil ?? at(NaN)
      pauses.push((+ends - +at(now)) / 1000)
      now = (+ends - +at(0)) / 1000
      circuit = failFor(circuit, [1], now)
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 120, 120])
  })

  test('jitter shortens the pause of the circuit by up to half', () => {
    expect(failFor(closedCircuit, [1, 2, 3, 4, 5], 0, 1).pausedUntil).toEqual(at(2.5))
  })

  test('a pause that a clock two years ahead began is over when the clock is right', () => {
    const ahead = 2 * 365 * 24 * 3600
    const open = failFor(closedCircuit, [1, 2, 3, 4, 5], ahead)
    expect([isPaused(open, at(ahead)), isPaused(open, at(0))]).toEqual([true, false])
  })

  test('failures during a pause do not change the circuit', () => {
    const open = failFor(closedCircuit, [1, 2, 3, 4, 5])
    expect(failFor(open, [6, 7, 8], 4.999)).toBe(open)
  })
})
