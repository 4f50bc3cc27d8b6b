#!/usr/bin/env node
// Starts the operator's command line (../src/cli.ts), which only a Node.js that runs TypeScript can read: whoever calls
// this with an older one is told so, and in words that an older one reads.
const NEEDED = 24
const present = process.versions.node

if (Number(present.split('.')[0]) < NEEDED) {
  process.stderr.write(
    `chat-auth needs Node.js ${NEEDED} or later, this is ${present}. ` +
      'In the checkout "npx chat-auth" finds the one that "npm ci" has brought.\n',
  )
  process.exitCode = 1
} else {
  const { runCli } = await import('../src/cli.ts')
  process.exitCode = await runCli(process.argv.slice(2))
}
