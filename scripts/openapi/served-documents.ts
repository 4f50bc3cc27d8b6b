import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../service/src/infrastructure/process/logger.ts'
import { readConfig } from '../../service/src/infrastructure/settings/config.ts'
import { startService } from '../../service/src/main.ts'

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, object>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/**
 * The text of docs/openapi.json and docs/openapi-internal.json, by file name: the documents that a service with default
 * settings serves. It runs on an embedded database in a temporary folder.
 */
export async function servedDocuments(): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-openapi-'))
  try {
    const config = readConfig({
      DATA_DIR: folder,
      HOST: '127.0.0.1',
      PORT: '0',
      INTERNAL_PORT: '0',
      // Part of the examples.
      PUBLIC_URL: 'http://localhost:8000',
    })
    const service = await startService(config, createLogger('fatal'))
    const documents = new Map([
      ['openapi.json', await documentAt(service.port)],
      ['openapi-internal.json', await documentAt(service.internalPort)],
    ])
    await service.stop()
    return documents
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function documentAt(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/openapi.json`)
  const document = (await response.json()) as OpenApiDocument
  const ordered = {
    ...document,
    paths: sorted(document.paths),
    components: { ...document.components, schemas: sorted(document.components.schemas) },
  }
  return `${JSON.stringify(ordered, undefined, 2)}\n`
}

/** In the order of the names, so that moving a route changes no line of the file. */
const sorted = <T>(entries: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(entries).toSorted(([a], [b]) => (a < b ? -1 : 1)))
