// The alerts, the dashboard and the documentation, checked with a real Prometheus that scrapes a busy service.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { requirePrometheus } from '../../../../scripts/prometheus/find-prometheus.ts'
import { FeedReader } from '../../support/feed-reader.ts'
import { PrivatePrometheus } from '../../support/private-prometheus.ts'
import { ServiceProcess } from '../../support/service-process.ts'
import { StubServer } from '../../support/stub-server.ts'
import { migratedDatabase } from '../../support/test-service.ts'
import { alertCases, ruleTests } from './alert-cases.ts'
import { MixedTraffic } from './mixed-traffic.ts'

const deployed = (path: string) => fileURLToPath(new URL(`../../../../deploy/${path}`, import.meta.url))
const alerts = deployed('prometheus/alerts.yml')
const dashboard = readFileSync(deployed('grafana/chat-auth.json'), 'utf8')
const documentation = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8')

interface Dashboard {
  readonly panels: { readonly title: string; readonly targets?: { readonly expr: string }[] }[]
  readonly templating: { readonly list: { readonly name: string; readonly definition?: string }[] }
}
const { panels, templating } = JSON.parse(dashboard) as Dashboard
const dashboardQueries = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
)
/** Every alert compares an expression with a number. */
const alertQueries = [
  ...readFileSync(alerts, 'utf8').matchAll(/alert: (\w+)\n +expr: (?:>-\n)?([^]*?)\n {8}\w+:/g),
].map(([, name = '', expr = '']) => [name, expr.replaceAll(/\s+/g, ' ').trim()] as const)

/** Substitutes variables as Grafana does, for all instances and one scrape per second. */
const substitute = (expression: string): string =>
  expression.replaceAll('$__rate_interval', '10s').replaceAll('$instance', '.*')

const promtool = (args: string[], input = '') => {
  const { status, stdout, stderr } = spawnSync(requirePrometheus().promtool, args, {
    input,
    encoding: 'utf8',
  })
  return { status, words: stdout + stderr }
}

describe('metrics', () => {
  let service: ServiceProcess
  let prometheus: PrivatePrometheus
  let traffic: MixedTraffic
  const cleanUps: (() => unknown)[] = []

  const scrape = async (): Promise<string> => {
    const response = await fetch(`${service.internalUrl}/metrics`)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    return response.text()
  }
  const namesIn = (text: string) => [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name ?? '')

  beforeAll(async () => {
    const [database, taking, failing] = await Promise.all([
      migratedDatabase(),
      StubServer.start(),
      StubServer.start(),
    ])
    cleanUps.push(
      database.remove,
      () => taking.down(),
      () => failing.down(),
    )
    failing.respond = (_received, response) => void response.writeHead(500).end()
    service = new ServiceProcess({
      ...database.settings,
      WEBHOOK_URLS: `${taking.url}/,${failing.url}/`,
      WEBHOOK_SECRETS: `whsec_${Buffer.from('a secret of the tests that is long').toString('base64')}`,
      WEBHOOK_ALLOW_PRIVATE: 'true',
      LOST_ANSWER: 'window',
      REFRESH_REUSE_WINDOW: '0',
    })
    cleanUps.push(() => service.stop())
    await service.ready()
    const reader = await FeedReader.open(service.internalUrl, service.serviceKey)
    cleanUps.push(() => reader.close())
    prometheus = await PrivatePrometheus.start({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [alerts],
      scrape_configs: [
        {
          job_name: 'chat-auth',
          static_configs: [{ targets: [new URL(service.internalUrl).host] }],
        },
      ],
    })
    cleanUps.push(() => prometheus.stop())
    traffic = new MixedTraffic(service)
    cleanUps.push(() => traffic.stop())
    traffic.start()
  })
  afterAll(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  })

  /** Resolves once the query has data, and rejects with the reason if that takes too long. */
  const untilData = (expression: string): Promise<void> =>
    vi.waitFor(
      async () => {
        const series = await prometheus.query(expression)
        const numbers = series.filter(({ value: [, text] }) => !Number.isNaN(Number(text)))
        expect(numbers, `${expression} has no data`).not.toEqual([])
      },
      { timeout: 60_000, interval: 300 },
    )

  test.for(dashboardQueries)('the dashboard panel "%s" has data for %s', async ([, expression]) => {
    await untilData(substitute(expression))
  })

  test.for(alertQueries)('the expression of the alert %s has data', async ([, expression]) => {
    const [measured, comparison] = expression.split(/ (?===|[<>])/)
    expect(comparison).toMatch(/^(==|[<>]) [\d.]+$/)
    await untilData(measured ?? '')
  })

  test('every alert expression was found by this test', () => {
    expect(alertQueries.length).toBe(readFileSync(alerts, 'utf8').match(/^ +- alert:/gm)?.length)
  })

  test('the list of instances in the dashboard has the running one', async () => {
    const [instances] = templating.list.filter(({ name }) => name === 'instance')
    expect(instances?.definition).toBe('label_values(chat_auth_build_info, instance)')
    const [series] = await prometheus.query('chat_auth_build_info')
    expect(series?.metric['instance']).toBe(new URL(service.internalUrl).host)
  })

  test('the dashboard and the alerts name only existing metrics', async () => {
    const there = new Set([...namesIn(await scrape()), 'up'])
    const expressions = [...dashboardQueries, ...alertQueries].map(([, expression]) => expression)
    const named = expressions.flatMap(
      (text) => text.match(/\b(?:chat_auth|process|nodejs|http_server)_\w+|\bup\b/g) ?? [],
    )
    const missing = named.filter(
      (name) => !there.has(name) && !there.has(name.replace(/_(bucket|sum|count)$/, '')),
    )
    expect(missing).toEqual([])
    expect(named.length).toBeGreaterThan(60)
  })

  test('docs/metrics.md has exactly one row for each metric', async () => {
    const [tables = ''] = documentation.split('## Alerts')
    const rows = [...tables.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)
    expect(rows.toSorted()).toEqual(namesIn(await scrape()).toSorted())
  })

  test('docs/metrics.md has exactly one row for each alert', () => {
    const rows = [...documentation.matchAll(/^\| (ChatAuth\w+) +\|/gm)].map(([, name]) => name)
    expect(rows).toEqual(alertQueries.map(([name]) => name))
  })

  test('promtool accepts the names and types of the metrics', async () => {
    expect(promtool(['check', 'metrics'], await scrape())).toEqual({ status: 0, words: '' })
  })

  test('the metrics contain no personal data', { tags: ['OUT-8'] }, async () => {
    const text = await scrape()
    expect(traffic.secrets.length).toBeGreaterThan(5)
    expect(traffic.secrets.filter((secret) => text.includes(secret))).toEqual([])
  })

  test('unknown paths and methods share one series', async () => {
    for (const path of ['/nowhere', '/elsewhere/1', '/elsewhere/2'])
      await fetch(service.url + path, { method: 'PROPFIND' })
    // A request is counted after its response.
    await vi.waitFor(async () => {
      const series = (await scrape()).match(/^chat_auth_http_requests_total\{.*method="other".*$/gm)
      expect(series).toEqual([
        'chat_auth_http_requests_total{listener="public",method="other",route="none",status="404"} 3',
      ])
      const durations = (await scrape()).match(/^http_server_request_duration_seconds_count\{.*_OTHER.*$/gm)
      expect(durations).toEqual([
        'http_server_request_duration_seconds_count{listener="public",http_request_method="_OTHER",http_response_status_code="404",url_scheme="http"} 3',
      ])
    }, 60_000)
  })
})

test('promtool accepts the alerts and the example configuration', () => {
  expect(promtool(['check', 'rules', alerts])).toMatchObject({ status: 0 })
  expect(promtool(['check', 'config', deployed('prometheus/prometheus.yml')])).toMatchObject({ status: 0 })
})

test('every alert fires for its case and not below its threshold', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-alerts-'))
  try {
    const cases = join(folder, 'cases.yml')
    // YAML knows JSON.
    await writeFile(cases, JSON.stringify(ruleTests(alerts)))
    const { status, words } = promtool(['test', 'rules', cases])
    expect(status, words).toBe(0)
  } finally {
    await rm(folder, { recursive: true })
  }
  expect(Object.keys(alertCases)).toEqual(alertQueries.map(([name]) => name))
})
