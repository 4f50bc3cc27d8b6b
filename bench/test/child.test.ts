import { afterEach, beforeEach, expect, test } from 'vitest'
import { Child } from '../src/child.ts'
import type { EchoProcess } from './echo.child.ts'

let child: Child<EchoProcess>
beforeEach(() => {
  child = new Child<EchoProcess>(new URL('echo.child.ts', import.meta.url))
})
afterEach(() => child.stop())

test('a child returns a result for each call, in any order', async () => {
  expect(await Promise.all([1, 2, 3].map((value) => child.ask('double', value)))).toEqual([2, 4, 6])
})

test('what fails in a child fails at who asked, and the child goes on', async () => {
  await expect(child.ask('fail', undefined)).rejects.toThrow('as asked')
  expect(await child.ask('double', 4)).toBe(8)
})

test('calls to a child that exits fail, in flight and later ones', async () => {
  await expect(child.ask('leave', 3)).rejects.toThrow('ended: 3')
  await expect(child.ask('double', 1)).rejects.toThrow('ended')
})
