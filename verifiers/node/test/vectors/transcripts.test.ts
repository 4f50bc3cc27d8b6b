import { test } from 'vitest'
import { readVectors } from './read-vectors.ts'
import { play } from './transcript-player.ts'
import type { TranscriptVectors } from './transcript-steps.ts'

const vectors = readVectors('transcripts.json') as TranscriptVectors

test.each(vectors.transcripts)('the verifier follows the transcript "$name"', async (transcript) => {
  await play(vectors, transcript)
})
