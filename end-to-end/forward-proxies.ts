// Starts the proxies of deploy/forward-auth with their configurations and other addresses.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireProxy } from '../scripts/proxies/find-proxies.ts'
import { runNginx } from '../service/test/support/nginx.ts'
import { runServer } from '../service/test/support/run-server.ts'
import { steadyPorts } from '../service/test/support/steady-ports.ts'

interface Surroundings {
  /** Host and port of the internal listener of chat-auth. */
  readonly chatAuth: string
  /** Host and port of the service behind the proxy. */
  readonly service: string
  readonly serviceKey: string
}

interface RunningProxy {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** The file of deploy/forward-auth with the addresses and the key of a test. */
const configured = (file: string, { chatAuth, service, serviceKey }: Surroundings): string =>
  readFileSync(new URL(`../deploy/forward-auth/${file}`, import.meta.url), 'utf8')
    .replaceAll('127.0.0.1:8010', chatAuth)
    .replaceAll('127.0.0.1:3000', service)
    .replaceAll(' SERVICE_KEY', ` ${serviceKey}`)

async function startNginx(around: Surroundings): Promise<RunningProxy> {
  const [port = 0] = await steadyPorts(1)
  const files = {
    'nginx.conf': configured('nginx.conf', around).replace('listen 8080;', `listen 127.0.0.1:${port};`),
    'service-key.conf': `proxy_set_header X-Service-Key "${around.serviceKey}";`,
  }
  return runNginx(files, `http://127.0.0.1:${port}`)
}

async function startCaddy(around: Surroundings): Promise<RunningProxy> {
  const [port = 0] = await steadyPorts(1)
  const file = configured('Caddyfile', around).replace(':8080 {', `http://127.0.0.1:${port} {`)
  return run(port, `{\n\tadmin off\n}\n${file}`, (path, folder) => ({
    program: requireProxy('caddy'),
    args: ['run', '--adapter', 'caddyfile', '--config', path],
    env: { SERVICE_KEY: around.serviceKey, HOME: folder },
  }))
}

async function startTraefik(around: Surroundings): Promise<RunningProxy> {
  const [port = 0] = await steadyPorts(1)
  return run(port, configured('traefik.yaml', around), (path) => ({
    program: requireProxy('traefik'),
    args: [
      `--entrypoints.web.address=127.0.0.1:${port}`,
      `--providers.file.filename=${path}`,
      '--providers.providersthrottleduration=1ms',
      '--global.checknewversion=false',
    ],
    env: {},
  }))
}

async function startEnvoy(around: Surroundings): Promise<RunningProxy> {
  const [port = 0] = await steadyPorts(1)
  const hostAndPort = (address: string) => address.replace(':', ', port_value: ')
  const file = configured('envoy.yaml', around)
    .replace('address: 0.0.0.0, port_value: 8080', `address: 127.0.0.1, port_value: ${port}`)
    .replace('127.0.0.1, port_value: 8010', hostAndPort(around.chatAuth))
    .replace('127.0.0.1, port_value: 3000', hostAndPort(around.service))
  return run(port, file, (path) => ({
    program: requireProxy('envoy'),
    args: ['--config-path', path, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'],
    env: {},
  }))
}

async function run(
  port: number,
  configuration: string,
  command: (
    path: string,
    folder: string,
  ) => { readonly program: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv },
): Promise<RunningProxy> {
  const url = `http://127.0.0.1:${port}`
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-proxy-'))
  const path = join(folder, 'proxy.yaml')
  await writeFile(path, configuration)
  const { program, args, env } = command(path, folder)
  try {
    // Traefik listens before it has read its routes.
    const { stop } = await runServer(program, args, { url, env, isReady: (status) => status !== 404 })
    return { url, stop: () => stop().then(() => rm(folder, { recursive: true })) }
  } catch (error) {
    await rm(folder, { recursive: true })
    throw error
  }
}

export const proxies = { nginx: startNginx, Caddy: startCaddy, Traefik: startTraefik, Envoy: startEnvoy }
