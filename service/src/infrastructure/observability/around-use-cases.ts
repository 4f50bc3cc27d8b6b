import type { UseCases } from '../../application/use-cases.ts'

export type UseCaseName = keyof UseCases

type Around = <T>(name: UseCaseName, call: () => Promise<T>) => Promise<T>

/** The same use cases, with every call made through `around`. */
export function aroundUseCases(useCases: UseCases, around: Around): UseCases {
  const names = Object.keys(useCases) as UseCaseName[]
  const wrapped = names.map((name) => {
    const run = useCases[name] as (...input: unknown[]) => Promise<unknown>
    return [name, (...input: unknown[]) => around(name, () => run(...input))]
  })
  return Object.fromEntries(wrapped) as UseCases
}
