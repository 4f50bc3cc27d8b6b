// Writes verifiers/vectors/*.json: npm run vectors
import { writeFileSync } from 'node:fs'
import { vectorFiles } from './vector-files.ts'

const folder = new URL('../../verifiers/vectors/', import.meta.url)

for (const [file, text] of vectorFiles()) writeFileSync(new URL(file, folder), text)
