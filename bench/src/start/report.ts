import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import type { Plot } from '../plot.ts'
import { median, spread } from '../statistics.ts'
import { places, type Measured, type StartTimes } from './scenario.ts'

const mebibytes = (bytes: number): string => `${readable(bytes / 2 ** 20)} MiB`

/** Both make a database at a first start, in different ways. */
const EMBEDDED = {
  first: { start: 'first start, unpacking a ready-made database', bare: 'PGlite alone, running initdb' },
  later: { start: 'later start', bare: 'PGlite alone' },
} as const

const WITH_MIGRATIONS = {
  first: { against: 'with all migrations' },
  later: { against: 'nothing to migrate' },
} as const

/** Every first and every later start has one of PGlite alone beside it. */
function besideBare(
  own: StartTimes,
  bare: StartTimes,
  which: keyof StartTimes,
): Pick<Finding, 'against' | 'ratio'> {
  const ratios = own[which].map((ms, round) => ms / (bare[which][round] ?? NaN))
  return { against: `${EMBEDDED[which].bare} ${milliseconds(median(bare[which]))}`, ratio: median(ratios) }
}

const plot = ({ starts, bare }: Measured): Plot => ({
  kind: 'bars',
  name: 'ready',
  title: 'From its start to ready',
  subtitle: 'Median; first on an empty database, later on the same again. Lower is better.',
  unit: 'milliseconds',
  series: ['chat-auth', 'PGlite alone'],
  groups: places.flatMap((place) =>
    (['first', 'later'] as const).map((which) => ({
      name: `${place}, ${which}`,
      values: [median(starts[place][which]), place === 'embedded' ? median(bare[which]) : undefined],
    })),
  ),
})

export function report(measured: Measured): Omit<Outcome, 'postgres'> {
  const { starts, bare, memory } = measured
  const ready = places.flatMap((place): Finding[] =>
    (['first', 'later'] as const).map((which) => ({
      promise: `from its start to ready, ${place}, ${place === 'embedded' ? EMBEDDED[which].start : `${which} start`}`,
      figure: milliseconds(median(starts[place][which])),
      ...(place === 'embedded' ? besideBare(starts.embedded, bare, which) : WITH_MIGRATIONS[which]),
    })),
  )
  const resident = places.map((place): Finding => {
    const { idle, refreshing, signingIn } = memory[place]
    return {
      promise: `resident memory of the service, ${place}`,
      figure: `idle ${mebibytes(idle)}`,
      against: `at most ${mebibytes(refreshing)} refreshing, ${mebibytes(signingIn)} in a storm of sign-ins`,
    }
  })
  const times = places.map((place) => ({
    place,
    firstMs: spread(starts[place].first),
    laterMs: spread(starts[place].later),
  }))
  return {
    findings: [...ready, ...resident],
    figures: { starts: times, bare: { firstMs: spread(bare.first), laterMs: spread(bare.later) }, memory },
    plots: [plot(measured)],
  }
}
