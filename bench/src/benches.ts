import type { Bench } from './bench.ts'
import { feedBench } from './feed/feed-bench.ts'
import { searchBench } from './search/search-bench.ts'
import { verifyBench } from './verify/verify-bench.ts'

/** All there are, in the order in which they run. */
export const benches: Readonly<Record<string, Bench>> = {
  verify: verifyBench,
  feed: feedBench,
  search: searchBench,
}
