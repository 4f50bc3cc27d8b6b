import { monitorEventLoopDelay, type Histogram } from 'node:perf_hooks'
import type { Meter } from '@opentelemetry/api'

const EVENT_LOOP_RESOLUTION_MS = 100
const EVENT_LOOP_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Measures the process, under the names that Prometheus client libraries use. Returns a function that stops it. */
export function observeProcess(meter: Meter, version: string): () => void {
  meter
    .createObservableGauge('chat_auth_build_info', {
      description: 'Always 1; the labels name the versions of the service and of Node.js',
    })
    .addCallback((result) => result.observe(1, { version, node: process.versions.node }))
  meter
    .createObservableCounter('process_cpu_seconds', { description: 'User and system CPU time' })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage()
      result.observe((user + system) / 1e6)
    })
  meter
    .createObservableGauge('process_resident_memory_bytes', { description: 'Resident memory of the process' })
    .addCallback((result) => result.observe(process.memoryUsage.rss()))
  meter
    .createObservableGauge('process_start_time_seconds', {
      description: 'When the process started, in seconds since 1970',
    })
    .addCallback((result) => result.observe(performance.timeOrigin / 1_000))
  meter
    .createObservableGauge('nodejs_heap_size_used_bytes', { description: 'Heap memory in use by JavaScript' })
    .addCallback((result) => result.observe(process.memoryUsage().heapUsed))
  return observeEventLoop(meter)
}

/**
 * Node measures how late a timer fires. Its samples go to a histogram with our own buckets, which `histogram_quantile` needs.
 * Each second there are about ten of them. A sample includes the interval of the timer, which is subtracted.
 */
function observeEventLoop(meter: Meter): () => void {
  const delay = meter.createHistogram('chat_auth_event_loop_delay_seconds', {
    description: `How late a timer fired, measured every ${EVENT_LOOP_RESOLUTION_MS} ms`,
    advice: { explicitBucketBoundaries: EVENT_LOOP_BUCKETS },
  })
  const monitor = monitorEventLoopDelay({ resolution: EVENT_LOOP_RESOLUTION_MS })
  const recordSamples = (): void => {
    for (const intervalMs of samplesOf(monitor)) {
      delay.record(Math.max(0, intervalMs - EVENT_LOOP_RESOLUTION_MS) / 1_000)
    }
    monitor.reset()
  }
  monitor.enable()
  const timer = setInterval(recordSamples, 1_000).unref()
  return () => {
    clearInterval(timer)
    monitor.disable()
  }
}

/** The samples of a histogram in milliseconds, in order of size: the nth of them is its percentile in the middle of the nth step. */
function samplesOf(histogram: Histogram): readonly number[] {
  const { count } = histogram
  return Array.from(
    { length: count },
    (_, index) => histogram.percentile((100 * (index + 0.5)) / count) / 1e6,
  )
}
