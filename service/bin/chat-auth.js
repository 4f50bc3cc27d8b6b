#!/usr/bin/env node
// Starts the operator's command line, ../src/cli.ts.
import './check-node.js'

// Not a static import: an older Node.js would fail to read TypeScript before the check could run.
const { runCli } = await import('../src/cli.ts')
process.exitCode = await runCli(process.argv.slice(2))
