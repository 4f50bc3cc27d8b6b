import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { keepTemporaryFilesInMemory } from './scripts/temporary-files.ts'
import { requirementRows } from './scripts/security-requirements.ts'

keepTemporaryFilesInMemory()
// Test processes, and services that they start, compile each module once for all of them.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compiled')

/** These depend on what a process has loaded, started or measured, or they start processes themselves. */
const inOwnProcess = [
  '{service,verifiers/node}/test/**/*.fault.test.ts',
  'service/test/cluster/**/*.test.ts',
  'service/test/model/**/*.test.ts',
  'service/test/infrastructure/{cli,import,observability,outgoing,process,storage}/**/*.test.ts',
  'service/test/infrastructure/crypto/{argon2-password-hasher,task-threads,libsodium}.test.ts',
  'service/test/infrastructure/http/hostile-input.test.ts',
  'service/test/infrastructure/pictures/{sharp-pictures,strip-image}.test.ts',
  'service/test/interface-adapters/http/public/{avatars,deletion-traces}.test.ts',
  'verifiers/node/test/{dist,examples,package}.test.ts',
  'end-to-end/*.test.ts',
  'examples/*/test/**/*.test.ts',
  'bench/test/**/*.test.ts',
]

export default defineConfig({
  test: {
    // Projects start in the order of their names: the longest files are in the first.
    projects: [
      { extends: true, test: { name: 'own process', include: inOwnProcess } },
      {
        extends: true,
        test: {
          name: 'shared process',
          include: ['service/test/**/*.test.ts', 'verifiers/node/test/**/*.test.ts'],
          exclude: inOwnProcess,
          // Loading the service into a new process takes longer than most of these files.
          isolate: false,
        },
      },
    ],
    // A test that shows a requirement of docs/security.md carries its id. Run them: npx vitest run --tags-filter=TOKEN-3
    tags: requirementRows().map(({ id }) => ({ name: id })),
    globalSetup: 'service/test/support/global-setup.ts',
    reporters: ['default', './service/test/support/closing-lines.ts'],
    pool: 'forks',
    maxWorkers: Math.max(2, Math.min(availableParallelism(), 6)),
    // Generous: shared machines are slow at times, and no test waits for a time to pass.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    allowOnly: false,
  },
})
