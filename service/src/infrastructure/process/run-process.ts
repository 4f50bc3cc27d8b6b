import { explainFailure } from './explain-failure.ts'

/** What is under way gets so long to finish, which is less than container engines wait; then the process ends anyway. */
const SHUTDOWN_LIMIT_MS = 8_000

interface Running {
  /** Printed for the person at the terminal. */
  readonly banner: string
  /** Still answers, and resolves when load balancers have had their time to take the instance out. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/** Runs the service until it is told to stop (SIGTERM, SIGINT), then lets it finish. Also as a container's process 1. */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  let service: Running | undefined
  let isStopping = false
  const stop = (signal: NodeJS.Signals): void => {
    // Told again, it goes on finishing: npm passes on the SIGINT that a terminal has sent to both.
    if (isStopping) return
    isStopping = true
    void shutDown(service, signal)
  }
  // Before the start, which may wait for the database: process 1 gets no signal it does not listen for.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  try {
    service = await start()
    // Standard output is for machines alone: a JSON object on every line. A terminal shows both.
    process.stderr.write(service.banner)
  } catch (error) {
    process.stderr.write(`${explainFailure(error)}\n`)
    process.exit(1)
  }
}

/** A start that is not done has nothing to finish: what it was writing becomes whole or not at all. */
async function shutDown(service: Running | undefined, signal: NodeJS.Signals): Promise<void> {
  // A person at a terminal has no load balancer to wait for.
  if (signal === 'SIGTERM') await service?.drain()
  setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref()
  try {
    await service?.stop()
  } catch (error) {
    process.stderr.write(`The service did not stop in order: ${explainFailure(error)}\n`)
    process.exit(1)
  }
  process.exit(0)
}
