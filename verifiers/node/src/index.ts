// Verifies chat-auth access tokens locally and learns within seconds which sessions have ended. It does not issue tokens
// and is not a general JWT library: it accepts one issuer and one kind of token.
export { createVerifier } from './create-verifier.ts'
export { TokenRefused } from './token/token-refused.ts'
export type { GuardedSocket, SilentSocket, SocketGuard } from './socket-types.ts'
export type {
  AuthenticationRequirements,
  Claims,
  DeliveryClaims,
  RefusalCode,
  SessionEnd,
} from './token-types.ts'
export type { Health, ReadyOptions, Verifier, VerifierOptions, WhenStale } from './types.ts'
