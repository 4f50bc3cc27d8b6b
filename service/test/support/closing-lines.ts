// Prints the last lines of a run: skipped tests, the fault table, the databases, browsers and languages of the tests, and
// the count of tests.
import type { Reporter, TestCase, TestModule, TestSpecification, TestSuite, Vitest } from 'vitest/node'
import { faultTable, hasLosses } from './fault-report.ts'
import { readOpened } from './opened-databases.ts'
import { languagesIn } from './tested-languages.ts'

const required = ['PGlite ', 'PostgreSQL ', 'Chromium ']
/** Those of the verifiers, besides Node.js. */
const requiredLanguages = ['Python', 'Go']

export default class ClosingLines implements Reporter {
  #vitest: Vitest | undefined
  #isFiltered = true
  #coversAll = false
  // Printed if the run never reaches its end, for example because the global setup failed.
  #lines = ['Databases: none', 'Browser: none', 'Other languages: none', '0 passed, 1 failed']

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
    // Vitest's own reports and its warnings about open handles come before this.
    process.once('exit', () => {
      process.stdout.write(`\n${this.#lines.join('\n')}\n`)
    })
  }

  async onTestRunStart(specifications: readonly TestSpecification[]): Promise<void> {
    const all = (await this.#vitest?.globTestSpecifications()) ?? []
    const byName = this.#vitest?.config.testNamePattern ?? specifications.find((one) => one.testLines)
    this.#isFiltered = byName !== undefined
    const isOneProject = (this.#vitest?.config.project.length ?? 0) > 0
    this.#coversAll = byName === undefined && !isOneProject && specifications.length === all.length
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string) => tests.filter((test) => test.result().state === state)
    const passed = inState('passed').length
    // A test is `pending` if its process crashed before the test ended.
    const outsideTests = brokenOutsideTests(modules) + unhandledErrors.length
    const failedTests = inState('failed').length + inState('pending').length
    const skipped = inState('skipped')

    const provided = this.#vitest?.getRootProject().getProvidedContext()
    const databases = readOpened(provided?.openedDatabases ?? '')
    const browsers = readOpened(provided?.openedBrowsers ?? '')
    const opened = [...databases, ...browsers]
    const missing = required.filter((name) => !opened.some((one) => one.startsWith(name)))
    const languages = languagesIn(readOpened(provided?.testedLanguages ?? ''))
    const mentioned = [...languages.tested, ...languages.missing]
    const untested = requiredLanguages.filter((name) => !mentioned.some((one) => one.startsWith(name)))
    const faults = provided?.faultResults ?? ''
    const neglected = [
      ...(this.#coversAll ? missing.map((name) => `No test of this full run opened ${name.trim()}.`) : []),
      ...(this.#coversAll ? untested.map((name) => `No test of this full run ran ${name}.`) : []),
      ...(failedTests === 0 && hasLosses(faults) ? ['A fault caused losses, but no test failed.'] : []),
    ]
    const found = failedTests + outsideTests + neglected.length
    // A run without any passed test counts as failed.
    const failed = passed === 0 ? Math.max(found, 1) : found
    if (failed > 0) process.exitCode = 1

    this.#lines = [
      ...(this.#isFiltered ? [] : skipped.map(describeSkipped)),
      ...neglected,
      ...faultTable(faults),
      `Databases: ${databases.join(', ') || 'none'}`,
      `Browser: ${browsers.join(', ') || 'none'}`,
      `Other languages: ${languages.tested.join('; ') || 'none'}`,
      ...languages.missing.map((one) => `NOT TESTED, BECAUSE THE LANGUAGE IS MISSING: ${one}`),
      `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
    ]
  }
}

/** Files that did not load, and hooks around tests that failed. */
const brokenOutsideTests = (modules: readonly TestModule[]): number =>
  modules
    .flatMap((module) => [module, ...module.children.allSuites()])
    .filter((suite) => suite.errors().length > 0).length

const isUnderBrokenHook = ({ parent }: TestCase | TestSuite): boolean =>
  parent.errors().length > 0 || (parent.type === 'suite' && isUnderBrokenHook(parent))

const describeSkipped = (test: TestCase): string => {
  const result = test.result()
  const note = result.state === 'skipped' ? result.note : undefined
  const reason = note ?? (isUnderBrokenHook(test) ? 'a hook around it failed' : 'no reason given')
  return `Skipped: ${test.module.relativeModuleId} > ${test.fullName} (${reason})`
}
