/** Series for which an alert fires, and for which it does not: in Prometheus' notation, one sample each ten seconds. */
interface AlertCase {
  readonly after: string
  readonly fires: Readonly<Record<string, string>>
  readonly quiet: Readonly<Record<string, string>>
}

const refusals = (code: string) => `chat_auth_refusals_total{use_case="setAvatar",code="${code}"}`
const refreshes = (result: string) => `chat_auth_refreshes_total{result="${result}"}`
const signIns = (result: string) => `chat_auth_sign_ins_total{result="${result}"}`
const keyRefusals = (reason: string) => `chat_auth_service_key_refusals_total{reason="${reason}"}`
const delays = (le: string) => `chat_auth_event_loop_delay_seconds_bucket{instance="a",le="${le}"}`
const publicRequests = 'chat_auth_http_requests_total{listener="public"}'
const up = 'up{job="chat-auth"}'

export const alertCases: Readonly<Record<string, AlertCase>> = {
  ChatAuthInstanceDown: { after: '2m', fires: { [up]: '0+0x60' }, quiet: { [up]: '1+0x60' } },
  ChatAuthDatabaseAway: {
    after: '1m',
    fires: { chat_auth_database_up: '0+0x60' },
    quiet: { chat_auth_database_up: '1+0x60' },
  },
  ChatAuthFeedStale: {
    after: '30s',
    fires: { chat_auth_feed_staleness_seconds: '5+10x60' },
    quiet: { chat_auth_feed_staleness_seconds: '1.1+0x60' },
  },
  ChatAuthLogChanged: {
    after: '1m',
    fires: { chat_auth_feed_log_changes_total: '0+0x2 1+0x60' },
    quiet: { chat_auth_feed_log_changes_total: '7+0x60' },
  },
  ChatAuthFaults: {
    after: '3m',
    fires: { [refusals('internal_error')]: '0+0x5 1+0x60' },
    quiet: { [refusals('unavailable')]: '0+0x5 1+0x60' },
  },
  ChatAuthUnavailable: {
    after: '6m',
    fires: { [refusals('unavailable')]: '0+2x60', [publicRequests]: '0+100x60' },
    quiet: { [refusals('unavailable')]: '0+0.5x60', [publicRequests]: '0+100x60' },
  },
  ChatAuthConnectionsExhausted: {
    after: '80s',
    fires: { chat_auth_database_connections_waiting: '3+0x60' },
    quiet: { chat_auth_database_connections_waiting: '0 3 0 3 0 3 0 3 0 3 0+0x60' },
  },
  ChatAuthClockOff: {
    after: '4m',
    fires: { chat_auth_database_clock_offset_seconds: '-1.5+0x60' },
    quiet: { chat_auth_database_clock_offset_seconds: '-0.4+0x60' },
  },
  ChatAuthSigningKeysEnd: {
    after: '12m',
    fires: { chat_auth_signing_key_remaining_seconds: '71000-10x90' },
    quiet: { chat_auth_signing_key_remaining_seconds: '86000-10x90' },
  },
  ChatAuthTokensReplayed: {
    after: '5m',
    fires: { [refreshes('replay')]: '0+1x60' },
    quiet: { [refreshes('repeated')]: '0+1x60' },
  },
  ChatAuthDatabaseSetBack: {
    after: '1m',
    fires: { [refreshes('rolled_forward')]: '0+0x2 1+0x60' },
    quiet: { [refreshes('rotated')]: '0+9x60', [refreshes('rolled_forward')]: '7+0x60' },
  },
  ChatAuthPasswordsTried: {
    after: '25m',
    fires: { [signIns('invalid_credentials')]: '0+9x200', [signIns('ok')]: '0+1x200' },
    quiet: { [signIns('invalid_credentials')]: '0+3x200', [signIns('ok')]: '0+7x200' },
  },
  ChatAuthServiceKeysRefused: {
    after: '4m',
    fires: { [keyRefusals('wrong')]: '0+1x60', [keyRefusals('missing')]: '0+1x60' },
    quiet: { [keyRefusals('wrong')]: '9+0x60', [keyRefusals('missing')]: '0+1x15 15+0x60' },
  },
  ChatAuthSignInsOverloaded: {
    after: '2m',
    fires: { chat_auth_hashing_refused_total: '0+1x60' },
    quiet: { chat_auth_hashing_refused_total: '7+0x60' },
  },
  ChatAuthDeadLetters: {
    after: '1m',
    fires: { 'chat_auth_outbox_deliveries{consumer="c",state="dead"}': '1+0x60' },
    quiet: {
      'chat_auth_outbox_deliveries{consumer="c",state="waiting"}': '1+0x60',
      'chat_auth_outbox_deliveries{consumer="mail",state="dead"}': '1+0x60',
    },
  },
  ChatAuthDeliveriesLate: {
    after: '3m',
    fires: { 'chat_auth_outbox_oldest_seconds{consumer="c",state="waiting"}': '290+10x60' },
    quiet: { 'chat_auth_outbox_oldest_seconds{consumer="c",state="dead"}': '290+10x60' },
  },
  ChatAuthEventsNotDispatched: {
    after: '3m',
    fires: { chat_auth_outbox_undispatched_seconds: '170+10x60' },
    quiet: { chat_auth_outbox_undispatched_seconds: '0 10 20 30 40 50 60 0+0x60' },
  },
  ChatAuthCleanUpLate: {
    after: '7m',
    fires: { 'chat_auth_clean_up_overdue_seconds{rows="revocations"}': '700+10x60' },
    quiet: { 'chat_auth_clean_up_overdue_seconds{rows="revocations"}': '70+0x60' },
  },
  ChatAuthEventLoopBlocked: {
    after: '12m',
    fires: { [delays('0.25')]: '0+1x90', [delays('0.5')]: '0+2x90', [delays('+Inf')]: '0+2x90' },
    quiet: { [delays('0.25')]: '0+200x90', [delays('0.5')]: '0+201x90', [delays('+Inf')]: '0+201x90' },
  },
}

/** For `promtool test rules`. */
export function ruleTests(ruleFile: string): object {
  const one = (alert: string, after: string, series: Readonly<Record<string, string>>, firing: number) => ({
    interval: '10s',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
        eval_time: after,
        exp_samples: [{ labels: '{}', value: firing }],
      },
    ],
  })
  return {
    rule_files: [ruleFile],
    evaluation_interval: '10s',
    tests: Object.entries(alertCases).flatMap(([alert, { after, fires, quiet }]) => [
      one(alert, after, fires, 1),
      one(alert, after, quiet, 0),
    ]),
  }
}
