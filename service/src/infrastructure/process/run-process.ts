import { explainFailure } from './explain-failure.ts'

/** In-flight work gets this long to finish on shutdown. Container engines wait longer before they kill the process. */
const SHUTDOWN_LIMIT_MS = 8_000

interface Running {
  /** Printed on standard error for the operator at the terminal. */
  readonly banner: string
  /** Keeps serving. Resolves when load balancers have had time to stop using the instance. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/** Runs the service until SIGTERM, SIGINT or SIGHUP, then lets it finish. Works as process 1 of a container. */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  let service: Running | undefined
  let isStopping = false
  const stop = (signal: NodeJS.Signals): void => {
    // A second signal changes nothing: npm forwards the SIGINT that the terminal has already sent to both.
    if (isStopping) return
    isStopping = true
    void shutDown(service, signal)
  }
  // Before the start, which may wait for the database: process 1 only gets signals that it has handlers for.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // A terminal that is closed. Without a handler the process would end in the middle of its requests.
  process.on('SIGHUP', stop)
  try {
    service = await start()
    // Standard output contains only the log, a JSON object on every line. A terminal shows both.
    process.stderr.write(service.banner)
  } catch (error) {
    process.stderr.write(`${explainFailure(error)}\n`)
    process.exit(1)
  }
}

/** A start in progress has nothing to finish: its writes are transactions, which the exit rolls back. */
async function shutDown(service: Running | undefined, signal: NodeJS.Signals): Promise<void> {
  // SIGINT and SIGHUP come from a terminal, where no load balancer needs time.
  if (signal === 'SIGTERM') await service?.drain()
  setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref()
  try {
    await service?.stop()
  } catch (error) {
    process.stderr.write(`The service did not shut down cleanly: ${explainFailure(error)}\n`)
    process.exit(1)
  }
  process.exit(0)
}
