import type { Meter } from '@opentelemetry/api'

const EVENT_LOOP_LOOK_MS = 100
const EVENT_LOOP_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** The process under the names that Prometheus' clients have agreed on. Answers how to stop. */
export function observeProcess(meter: Meter, version: string): () => void {
  meter
    .createObservableGauge('chat_auth_build_info', { description: 'Always 1; which version runs on what' })
    .addCallback((result) => result.observe(1, { version, node: process.versions.node }))
  meter
    .createObservableCounter('process_cpu_seconds', { description: 'User and system CPU time' })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage()
      result.observe((user + system) / 1e6)
    })
  meter
    .createObservableGauge('process_resident_memory_bytes', { description: 'Memory the process holds' })
    .addCallback((result) => result.observe(process.memoryUsage.rss()))
  meter
    .createObservableGauge('process_start_time_seconds', {
      description: 'When the process started, in seconds since 1970',
    })
    .addCallback((result) => result.observe(performance.timeOrigin / 1_000))
  meter
    .createObservableGauge('nodejs_heap_size_used_bytes', { description: 'Memory in use by JavaScript' })
    .addCallback((result) => result.observe(process.memoryUsage().heapUsed))
  return observeEventLoop(meter)
}

/** A timer that comes late has waited for work that did not let go of the process. */
function observeEventLoop(meter: Meter): () => void {
  const delay = meter.createHistogram('chat_auth_event_loop_delay_seconds', {
    description: `How late a timer was, looked at every ${EVENT_LOOP_LOOK_MS} ms`,
    advice: { explicitBucketBoundaries: EVENT_LOOP_BUCKETS },
  })
  let due = performance.now() + EVENT_LOOP_LOOK_MS
  const timer = setInterval(() => {
    const now = performance.now()
    delay.record(Math.max(0, now - due) / 1_000)
    due = now + EVENT_LOOP_LOOK_MS
  }, EVENT_LOOP_LOOK_MS).unref()
  return () => clearInterval(timer)
}
