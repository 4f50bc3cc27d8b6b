import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'service/test/**/*.test.ts',
      'verifier/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'bench/test/**/*.test.ts',
    ],
    globalSetup: 'service/test/support/global-setup.ts',
    reporters: ['default', './service/test/support/closing-lines.ts'],
    // A process per file: each embedded database costs about 400 MB until its process ends.
    pool: 'forks',
    maxWorkers: Math.max(2, Math.min(availableParallelism(), 6)),
    // Generous: shared machines are slow at times, and no test waits for a time to pass.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    allowOnly: false,
  },
})
