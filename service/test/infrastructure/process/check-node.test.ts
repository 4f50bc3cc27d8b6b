// The launchers must explain an old Node.js in one line. This run's Node.js pretends to be older.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const bin = (name: string) => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url))

const runAs = (version: string, args: readonly string[]) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, ...args],
    // A service that started in spite of its version would not end.
    { encoding: 'utf8', timeout: 60_000 },
  )
  return { status, stdout, stderr }
}

const explanation = (version: string) =>
  `chat-auth needs Node.js 24.2 or later, this is ${version}. In the checkout run "npm ci" without ` +
  '--ignore-scripts: it installs one for "npm start" and "npx chat-auth".\n'

describe('the check of the Node.js version', () => {
  test.each(['20.20.2', '22.18.0', '24.1.0'])(
    'Node.js %s does not start the service and gets one line that explains it',
    (version) => {
      const result = runAs(version, ['--import', bin('check-node.js'), '-e', 'console.log("started")'])
      expect(result).toEqual({ status: 1, stdout: '', stderr: explanation(version) })
    },
  )

  // Before 22.18 Node.js does not read TypeScript at all and says so itself; no code of ours runs.
  test.each(['main', 'import'])(
    'a bare "node service/src/%s.ts" on Node.js 22.18 gets the same line',
    (name) => {
      const program = fileURLToPath(new URL(`../../../src/${name}.ts`, import.meta.url))
      expect(runAs('22.18.0', [program])).toEqual({ status: 1, stdout: '', stderr: explanation('22.18.0') })
    },
  )

  test.each(['24.2.0', '24.21.0', '26.0.0'])('Node.js %s starts the service', (version) => {
    const result = runAs(version, ['--import', bin('check-node.js'), '-e', 'console.log("started")'])
    expect(result).toEqual({ status: 0, stdout: 'started\n', stderr: '' })
  })
})
