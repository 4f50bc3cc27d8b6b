/** The header in which the doctor proves that the request is its own. */
export const PROBE_HEADER = 'x-chat-auth-probe'

/** The way of a probe, as the instance saw it that the proxies chose. */
export interface SeenProbe {
  /** The address that the service takes for the client's. */
  readonly client: string
  /** The addresses of `X-Forwarded-For` in their order. */
  readonly forwarded: readonly string[]
  /** The other end of the connection. */
  readonly peer: string
}
