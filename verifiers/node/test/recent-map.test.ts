import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from '../src/recent-map.ts'

/** The same, the slow way. */
class Model {
  entries: [string, number][] = []
  readonly limit: number
  constructor(limit: number) {
    this.limit = limit
  }
  delete(key: string): void {
    this.entries = this.entries.filter(([other]) => other !== key)
  }
  get(key: string): number | undefined {
    const found = this.entries.find(([other]) => other === key)
    if (found === undefined) return undefined
    this.delete(key)
    this.entries.push(found)
    return found[1]
  }
  set(key: string, value: number): number | undefined {
    this.delete(key)
    this.entries.push([key, value])
    return this.entries.length > this.limit ? this.entries.shift()?.[1] : undefined
  }
}

test('a map of recent things keeps those used last, whatever is done to it', () => {
  const step = fc.tuple(
    fc.constantFrom('get' as const, 'set' as const, 'delete' as const),
    fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
    fc.nat(),
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
      const [map, model] = [new RecentMap<string, number>(limit), new Model(limit)]
      for (const [action, key, value] of steps) {
        if (action === 'set') expect(map.set(key, value)).toBe(model.set(key, value))
        else if (action === 'get') expect(map.get(key)).toBe(model.get(key))
        else {
          map.delete(key)
          model.delete(key)
        }
        expect(map.size).toBe(model.entries.length)
        expect(map.oldest(3)).toEqual(model.entries.slice(0, 3))
      }
    }),
  )
})
