import type { TokenAlgorithm, VerificationKey } from './signatures.ts'

/** Supplies the keys that token signatures are checked with. */
export interface KeySource {
  /** Tokens with any other algorithm are refused before a key is looked up (RFC 8725, section 3.1). */
  readonly algorithms: ReadonlySet<TokenAlgorithm>
  readonly size: number
  find(kid: string): VerificationKey | undefined
  /** Fetches the keys if a fetch is due. Resolves to true if the keys are known to be current. */
  refresh(): Promise<boolean>
  close(): void
}
