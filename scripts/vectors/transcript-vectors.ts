import { callTranscripts } from './call-transcripts.ts'
import { deliveryTranscripts } from './delivery-transcripts.ts'
import { bounds, broken, framing, unreadable } from './framing-transcripts.ts'
import { duringIntrospection, duringRedemption } from './in-flight-transcripts.ts'
import { logs } from './log-transcripts.ts'
import { memory } from './memory-transcripts.ts'
import { merging } from './merging-transcripts.ts'
import { SessionTokens } from './session-tokens.ts'
import { audience, issuer, jwkOf, nowSeconds, type Json } from './signing.ts'
import { socketTranscripts } from './socket-transcripts.ts'
import { ticketTranscripts } from './ticket-transcripts.ts'
import { timeTranscripts } from './time-transcripts.ts'

export function transcriptVectors(): Json {
  const tokens = new SessionTokens()
  const transcripts = [
    ...merging(tokens),
    ...logs(tokens),
    ...framing(tokens),
    ...unreadable(tokens),
    ...bounds(tokens),
    ...broken(tokens),
    ...memory(tokens),
    ...timeTranscripts(tokens),
    ...callTranscripts(tokens),
    ...duringIntrospection(tokens),
    ...ticketTranscripts(tokens),
    ...duringRedemption(),
    ...deliveryTranscripts(tokens),
    ...socketTranscripts(tokens),
  ].map((transcript) => transcript.toJson())
  return {
    about: 'One verifier each, step by step, with its clock and its network under control.',
    issuer,
    audience,
    max_staleness_ms: 5000,
    when_stale: 'refuse',
    // Wrong by ten hours, since it must not matter.
    wall_clock: (nowSeconds + 36_000) * 1000,
    jwks: { keys: [jwkOf('ed')] },
    tokens: tokens.toJson(),
    transcripts,
  }
}
