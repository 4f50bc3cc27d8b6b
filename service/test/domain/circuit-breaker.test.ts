import { describe, expect, test } from 'vitest'
import { afterFailure, closedCircuit, isOpen, isPaused, type Circuit } from '../../src/domain/circuit.ts'
import type { UserId } from '../../src/domain/user.ts'
import { at } from '../support/builders.ts'

const failFor = (circuit: Circuit, users: number[], seconds = 0, chance = 0): Circuit =>
  users.reduce((each, user) => afterFailure(each, user as UserId, at(seconds), chance), circuit)

describe('the circuit of a consumer', () => {
  test('opens when the deliveries of five people failed in a row', () => {
    const four = failFor(closedCircuit, [1, 2, 3, 4])
    expect([isOpen(four), isPaused(four, at(0))]).toEqual([false, false])
    const five = failFor(four, [5])
    expect([isOpen(five), isPaused(five, at(4.999)), isPaused(five, at(5))]).toEqual([true, true, false])
  })

  test('is not opened by one person, or four, however often their deliveries fail', () => {
    const circuit = failFor(
      closedCircuit,
      Array.from({ length: 400 }, (_, at) => at % 4),
    )
    expect(isOpen(circuit)).toBe(false)
  })

  test('pauses twice as long each time the try after it fails, up to two minutes', () => {
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

  test('pauses up to half as long, by chance', () => {
    expect(failFor(closedCircuit, [1, 2, 3, 4, 5], 0, 1).pausedUntil).toEqual(at(2.5))
  })

  test('takes nothing from failures that come in while it pauses', () => {
    const open = failFor(closedCircuit, [1, 2, 3, 4, 5])
    expect(failFor(open, [6, 7, 8], 4.999)).toBe(open)
  })
})
