import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { servedDocuments } from '../../../../scripts/openapi/served-documents.ts'

const docs = new URL('../../../../docs/', import.meta.url)

test('the OpenAPI files in docs are the documents that the service serves', async () => {
  for (const [file, served] of await servedDocuments()) {
    const written = readFileSync(new URL(file, docs), 'utf8')
    expect(written, `docs/${file} is out of date: run npm run openapi`).toBe(served)
  }
})
