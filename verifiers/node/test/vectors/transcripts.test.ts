import { test } from 'vitest'
import { readVectors } from './read-vectors.ts'
import { play, type TranscriptVectors } from './transcript-player.ts'

const vectors = readVectors('transcripts.json') as TranscriptVectors

test.each(vectors.transcripts)('the verifier follows the transcript "$name"', async (transcript) => {
  await play(vectors, transcript)
})
