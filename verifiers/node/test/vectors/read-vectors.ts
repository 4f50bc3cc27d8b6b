import { readFileSync } from 'node:fs'

/** A file of `verifiers/vectors`. */
export const readVectors = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../vectors/${file}`, import.meta.url), 'utf8'))
