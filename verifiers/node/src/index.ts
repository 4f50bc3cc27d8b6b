// Verifies access tokens of chat-auth without asking it for each, and knows within seconds which sessions have ended.
// It issues nothing, and is no general JWT library: one issuer, one kind of token, everything else is refused.
export { createVerifier } from './create-verifier.ts'
export { TokenRefused } from './token-refused.ts'
export type {
  Claims,
  GuardedSocket,
  Health,
  ReadyOptions,
  RefusalCode,
  SessionEnd,
  SocketGuard,
  Verifier,
  VerifierOptions,
  WhenStale,
} from './types.ts'
