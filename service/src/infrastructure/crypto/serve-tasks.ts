import { parentPort } from 'node:worker_threads'

/** The tasks of a thread, by name. A failure is thrown in the thread that asked. */
export type Tasks = Readonly<Record<string, (...input: never[]) => unknown>>

export interface Task {
  readonly name: PropertyKey
  readonly input: readonly unknown[]
}

/** How long the task took, and how much of that the thread had a processor. */
export interface Took {
  readonly elapsedMs: number
  readonly processorMs: number
}

export type Result = ({ readonly output: unknown } | { readonly failure: unknown }) & { readonly took: Took }

/** Called once in a thread of TaskThreads. Tasks that were sent before wait until then. */
export function serveTasks(tasks: Tasks): void {
  parentPort?.on('message', (task: Task) => parentPort?.postMessage(timed(tasks, task)))
}

function timed(tasks: Tasks, task: Task): Result {
  const [began, usedBefore] = [performance.now(), process.threadCpuUsage()]
  const result = resultOf(tasks, task)
  const { user, system } = process.threadCpuUsage(usedBefore)
  return {
    ...result,
    took: { elapsedMs: performance.now() - began, processorMs: (user + system) / 1_000 },
  }
}

function resultOf(tasks: Tasks, { name, input }: Task): { output: unknown } | { failure: unknown } {
  try {
    return { output: (tasks[name as string] as (...input: readonly unknown[]) => unknown)(...input) }
  } catch (failure) {
    return { failure }
  }
}
