// A service in a process of its own whose CPU time and memory can be measured around single requests.
//
// CPU time is measured, not wall-clock time, so other processes that keep the machine busy do not count. It is read in the
// process itself, by a timer that runs in every turn of its event loop. The largest difference between two readings is the
// longest block. Other work of the service counts too, such as a heartbeat or a garbage collection, and a thread that shares
// its core is slower. Therefore a figure above a limit is measured again: only a request that costs this much every time is
// at fault.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import type { Measured } from './fixtures/cpu-probe.ts'
import { ServiceProcess } from './service-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const probe = pathToFileURL(join(import.meta.dirname, 'fixtures/cpu-probe.ts')).href

const MOST_TRIES = 5

export type { Measured }

export class MeasuredService {
  readonly service: ServiceProcess
  readonly #socket: Socket
  readonly #lines: AsyncIterator<string>

  private constructor(service: ServiceProcess, socket: Socket) {
    this.service = service
    this.#socket = socket
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  }

  static async start(settings: Record<string, string>): Promise<MeasuredService> {
    const { folder, remove } = await temporaryFolder()
    const path = join(folder, 'probe')
    const service = new ServiceProcess({ ...settings, NODE_OPTIONS: `--import=${probe}`, CPU_PROBE: path })
    await service.ready()
    const socket = connect(path)
    await once(socket, 'connect')
    await remove()
    return new MeasuredService(service, socket)
  }

  /** Runs `work` and returns how much the process used meanwhile. */
  async measure(work: () => Promise<unknown>): Promise<Measured> {
    await this.#say()
    await work()
    return JSON.parse(await this.#say()) as Measured
  }

  /**
   * Measures work that `prepare` returns, and again as long as it is not `isFine`. The least of each figure counts.
   * Only the returned work is measured, not its preparation.
   */
  async least(
    prepare: () => Promise<() => Promise<unknown>>,
    isFine: (measured: Measured) => boolean,
  ): Promise<Measured> {
    let least = await this.measure(await prepare())
    for (let tries = 1; tries < MOST_TRIES && !isFine(least); tries += 1) {
      least = leastOf(least, await this.measure(await prepare()))
    }
    return least
  }

  async #say(): Promise<string> {
    this.#socket.write('\n')
    const { value } = (await this.service.alive(this.#lines.next())) as { value: string | undefined }
    return value ?? ''
  }

  async stop(): Promise<void> {
    this.#socket.destroy()
    await this.service.stop()
  }
}

const leastOf = (one: Measured, other: Measured): Measured => ({
  blockMs: Math.min(one.blockMs, other.blockMs),
  mainMs: Math.min(one.mainMs, other.mainMs),
  allMs: Math.min(one.allMs, other.allMs),
  megabytes: Math.min(one.megabytes, other.megabytes),
})
