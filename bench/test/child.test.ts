import { afterEach, beforeEach, expect, test } from 'vitest'
import { Child } from '../src/child.ts'
import type { Answering } from './answering.child.ts'

let child: Child<Answering>
beforeEach(() => {
  child = new Child<Answering>(new URL('answering.child.ts', import.meta.url))
})
afterEach(() => child.stop())

test('a child answers each question, whatever the order', async () => {
  expect(await Promise.all([1, 2, 3].map((value) => child.ask('double', value)))).toEqual([2, 4, 6])
})

test('what fails in a child fails at who asked, and the child goes on', async () => {
  await expect(child.ask('fail', undefined)).rejects.toThrow('as asked')
  expect(await child.ask('double', 4)).toBe(8)
})

test('questions to a child that ends fail, those under way and those to come', async () => {
  await expect(child.ask('leave', 3)).rejects.toThrow('ended: 3')
  await expect(child.ask('double', 1)).rejects.toThrow('ended')
})
