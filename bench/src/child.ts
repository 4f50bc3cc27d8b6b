// Child processes that are called over a pipe and exit with their parent, however it ends.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** The functions a child offers, by name. */
type Handlers = Record<string, (question: never) => unknown>
type Question<Handler> = Handler extends (question: infer Asked) => unknown ? Asked : never
type Result<Handler> = Handler extends (question: never) => infer Value ? Awaited<Value> : never

interface Asked {
  readonly id: number
  readonly name: string
  readonly question: unknown
}

interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly failure?: string
}

/** In the child: calls the handlers for its parent, and exits when the parent is gone. */
export function serveParent(handlers: Handlers): void {
  process.on('disconnect', () => process.exit())
  // A Ctrl-C reaches all; the parent says when it is over.
  process.on('SIGINT', () => undefined)
  process.on('message', ({ id, name, question }: Asked) => {
    void (async (): Promise<Reply> => {
      try {
        return { id, value: await handlers[name]?.(question as never) }
      } catch (error) {
        return { id, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
      }
    })().then((reply) => process.send?.(reply))
  })
}

interface Waiting {
  readonly settle: (value: unknown) => void
  readonly fail: (error: Error) => void
}

/** In the parent: a child whose module calls `serveParent`. */
export class Child<Api extends Handlers> {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #isGone = false

  constructor(module: URL, execArgv: readonly string[] = []) {
    this.#process = fork(module, {
      execArgv: ['--disable-warning=ExperimentalWarning', ...execArgv],
      serialization: 'advanced',
    })
    this.#process.on('message', (reply: Reply) => this.#onReply(reply))
    this.#process.on('error', () => undefined)
    this.#process.on('exit', (code, signal) => this.#onExit(code ?? signal))
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  ask<Name extends keyof Api & string>(
    name: Name,
    question: Question<Api[Name]>,
  ): Promise<Result<Api[Name]>> {
    const id = (this.#asked += 1)
    return new Promise((resolve, reject) => {
      if (this.#isGone) {
        reject(new Error('The process has ended.'))
        return
      }
      this.#waiting.set(id, { settle: (value) => resolve(value as Result<Api[Name]>), fail: reject })
      this.#process.send({ id, name, question } satisfies Asked)
    })
  }

  async stop(): Promise<void> {
    if (this.#isGone) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }

  #onReply({ id, value, failure }: Reply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (failure === undefined) waiting?.settle(value)
    else waiting?.fail(new Error(`A process of the bench failed: ${failure}`))
  }

  #onExit(how: number | string | null): void {
    this.#isGone = true
    for (const { fail } of this.#waiting.values())
      fail(new Error(`A process of the bench ended: ${how ?? ''}`))
    this.#waiting.clear()
  }
}
