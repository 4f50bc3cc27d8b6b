import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import { latency } from '../statistics.ts'
import type { Measured } from './scenario.ts'

/** Promised at the 99th percentile, for 1,000 verifiers on one machine (product.md). */
const PROMISED_MS = 100

/** A refusal before the response arrived counts as 0 ms. */
const delays = ({ afterResponse }: Measured): number[] => afterResponse.map((ms) => Math.max(0, ms))

function whyMissed({ serviceCpuMsPerEnd, readerCpuMsPerEnd, ...measured }: Measured): string {
  if (measured.missing > 0) return 'some never received it'
  if (measured.arrangement.hasStuckReader === true && measured.stuckSeconds === undefined)
    return 'the stuck one was kept'
  const [atService, atReaders] = [serviceCpuMsPerEnd, readerCpuMsPerEnd].map(readable)
  return `an end takes ${atService} ms of processor time at the service and ${atReaders} ms at the readers, all on one machine`
}

function refusal(measured: Measured): Finding {
  const { arrangement, missing, stuckSeconds } = measured
  const { p50, p99, max } = latency(delays(measured))
  const isStuck = arrangement.hasStuckReader === true
  const dropped = stuckSeconds === undefined ? 'never dropped' : `dropped after ${readable(stuckSeconds)} s`
  const isInTime = p99 <= PROMISED_MS && missing === 0
  const lost = missing > 0 ? `, ${missing} NEVER` : ''
  const finding = {
    promise: `an ended session is refused: ${arrangement.name}`,
    figure: `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}, max ${milliseconds(max)}${lost}`,
    against: `p99 ${PROMISED_MS} ms${isStuck ? `; the stuck one is ${dropped}` : ''}`,
    ratio: p99 / PROMISED_MS,
    whyNot: whyMissed(measured),
  }
  if (isStuck) return { ...finding, isKept: isInTime && stuckSeconds !== undefined }
  const isPromised = arrangement.full + arrangement.light <= 1_000
  return isPromised || missing > 0 ? { ...finding, isKept: isInTime } : finding
}

const memory = ({ arrangement, bytesPerReader }: Measured): Finding => ({
  promise: `memory of the service per reader: ${arrangement.name}`,
  figure: `${readable(bytesPerReader / 1_024)} KiB`,
  against: 'resident, without what the kernel holds',
})

export function report(measured: readonly Measured[]): Omit<Outcome, 'postgres'> {
  return {
    findings: [
      ...measured.map(refusal),
      ...measured
        .filter(({ arrangement }) => /^(1,000 verifiers|5,000 readers)$/.test(arrangement.name))
        .map(memory),
    ],
    figures: measured.map(({ afterResponse, fromSending, responded, ...rest }) => ({
      ...rest,
      afterResponseMs: latency(afterResponse),
      fromSendingMs: latency(fromSending),
      respondedMs: latency(responded),
      beforeResponse: afterResponse.filter((ms) => ms < 0).length / afterResponse.length,
    })),
    plots: [
      {
        kind: 'curves',
        name: 'refusal',
        title: 'How soon an ended session is refused',
        subtitle: `Milliseconds after the 204 arrived, over ${measured[0]?.arrangement.ends ?? 0} ends and every reader; one machine for all. Lower is better.`,
        unit: 'milliseconds after the response',
        limit: { value: PROMISED_MS, name: `promised for 99 % of 1,000 verifiers: ${PROMISED_MS} ms` },
        curves: measured.map((each) => ({ name: each.arrangement.name, values: delays(each) })),
      },
    ],
  }
}
