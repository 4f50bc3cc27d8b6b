import type { Scope } from '../../domain/service-key.ts'
import { problemTypes, type TransportErrorCode } from './problem-types.ts'

interface TransportDetails {
  /** Replaces the general sentence of the code in the response. */
  readonly detail?: string
  /** The methods of the Allow header, with `method_not_allowed`. */
  readonly allow?: readonly string[]
  /** The scope that the service key does not have, with `insufficient_scope`. */
  readonly scope?: Scope | undefined
}

/** A request that HTTP itself refuses, before or beside the use cases. */
export class TransportError extends Error {
  readonly code: TransportErrorCode
  readonly details: TransportDetails

  constructor(code: TransportErrorCode, details: TransportDetails = {}) {
    super(problemTypes[code].title)
    this.name = 'TransportError'
    this.code = code
    this.details = details
  }
}
