// Writes docs/openapi.json and docs/openapi-internal.json: npm run openapi
import { writeFileSync } from 'node:fs'
import { servedDocuments } from './served-documents.ts'

const docs = new URL('../../docs/', import.meta.url)

for (const [file, text] of await servedDocuments()) writeFileSync(new URL(file, docs), text)
