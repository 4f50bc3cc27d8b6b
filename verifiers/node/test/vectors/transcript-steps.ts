import type { WhenStale } from '../../src/types.ts'

export interface Settings {
  readonly max_staleness_ms: number
  readonly when_stale: WhenStale
  readonly wall_clock: number
}

/** One step. The README of the vectors says what each member means. */
export interface Step {
  readonly at: number
  readonly request?: { readonly last_event_id: string | null }
  readonly response?: {
    readonly status: number
    readonly content_type: string
    readonly content_encoding?: string
    readonly body?: unknown
  }
  readonly bytes?: string
  readonly times?: number
  readonly base64?: string
  readonly end?: 'orderly' | 'cut'
  readonly connection?: 'open' | 'closed'
  readonly requests?: number
  readonly ready?: 'waiting' | 'ready' | 'failed'
  readonly verify?: string
  readonly verify_delivery?: string
  readonly result?: string
  readonly reason?: string | null
  readonly roles?: readonly string[]
  readonly max_age?: number
  readonly amr?: readonly string[]
  readonly introspection?: { readonly status: number; readonly body: unknown }
  readonly meanwhile?: string
  readonly health?: Readonly<Record<string, unknown>>
  readonly session_ended?: unknown
  readonly jwks?: unknown
  readonly key_fetches?: number
  readonly receipts?: unknown
  readonly receipts_status?: number
  readonly close?: true
  readonly redeem?: { readonly ticket: string; readonly origin?: string }
  readonly claims?: unknown
  readonly hold?: string
  readonly renew?: string
  readonly token?: string
  readonly closed?: unknown
}

export interface Transcript extends Partial<Settings> {
  readonly name: string
  readonly steps: readonly Step[]
}

export interface TranscriptVectors extends Settings {
  readonly issuer: string
  readonly audience: string
  readonly jwks: unknown
  readonly tokens: Readonly<Record<string, string>>
  readonly transcripts: readonly Transcript[]
}
