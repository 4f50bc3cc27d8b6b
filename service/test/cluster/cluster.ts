// Starts three instances of the service behind nginx, on their own database.
import { readFileSync } from 'node:fs'
import { vi } from 'vitest'
import { startNginx, type Addresses, type ProxiedRequest, type RunningNginx } from '../support/nginx.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { steadyPorts } from '../support/steady-ports.ts'
import { migratedDatabase } from '../support/test-service.ts'
import { firstSecret } from '../support/service-keys.ts'

export const composeFile = readFileSync(
  new URL('../../../docker-compose.cluster.yaml', import.meta.url),
  'utf8',
)

/** The value in docker-compose.cluster.yaml. */
export const shutdownDelay = /SHUTDOWN_DELAY: (\S+)/.exec(composeFile)?.[1] ?? ''

/** An instance that keeps its ports when it restarts. */
class Instance {
  readonly addresses: Addresses
  readonly #settings: Record<string, string>
  #process: ServiceProcess | undefined

  constructor(addresses: Addresses, settings: Record<string, string>) {
    this.addresses = addresses
    this.#settings = {
      ...settings,
      PORT: String(addresses.port),
      INTERNAL_PORT: String(addresses.internalPort),
    }
  }

  get process(): ServiceProcess {
    if (this.#process === undefined) throw new Error('the instance is not running')
    return this.#process
  }

  async start(): Promise<void> {
    this.#process = await startServiceProcess(this.#settings)
  }

  /** Sends SIGTERM and waits. Throws unless the instance exits with 0. */
  stop = (): Promise<void> => this.process.stop()

  kill = async (): Promise<void> => this.#process?.kill()
}

export interface Cluster {
  readonly nginx: RunningNginx
  readonly instances: readonly Instance[]
  /** The internal listener of nginx, for verifiers. */
  readonly internal: { readonly internalUrl: string; readonly serviceKey: string }
  /** Waits until nginx sends a new request to the instance. The test must keep requests coming. */
  isUsed(instance: Instance): Promise<void>
  readonly stop: () => Promise<void>
}

export async function startCluster(settings: Record<string, string> = {}): Promise<Cluster> {
  const end = new AsyncDisposableStack()
  try {
    return await start(settings, end)
  } catch (error) {
    await end.disposeAsync()
    throw error
  }
}

async function start(settings: Record<string, string>, end: AsyncDisposableStack): Promise<Cluster> {
  const place = await migratedDatabase()
  end.defer(place.remove)
  const ports = await steadyPorts(6)
  const instances = [0, 1, 2].map((at) => {
    const addresses = { port: ports[2 * at] ?? 0, internalPort: ports[2 * at + 1] ?? 0 }
    return new Instance(addresses, { ...place.settings, SHUTDOWN_DELAY: shutdownDelay, ...settings })
  })
  end.defer(async () => {
    await Promise.all(instances.map((instance) => instance.kill()))
  })
  await Promise.all(instances.map((instance) => instance.start()))
  const nginx = await startNginx(instances.map(({ addresses }) => addresses))
  end.defer(nginx.stop)
  return {
    nginx,
    instances,
    internal: { internalUrl: nginx.internalUrl, serviceKey: firstSecret(place.settings.SERVICE_KEYS) },
    isUsed: async ({ addresses: { port } }) => {
      const before = nginx.requests().length
      const isServed = ({ instances: asked, status }: ProxiedRequest) =>
        status < 300 && asked.at(-1) === `127.0.0.1:${port}`
      await vi.waitUntil(() => nginx.requests().slice(before).some(isServed), {
        timeout: 60_000,
        interval: 50,
      })
    },
    stop: () => end.disposeAsync(),
  }
}
