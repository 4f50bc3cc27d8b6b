/*
 * The revocation feed. README.md in this folder says how to run it and what it leaves out.
 *
 * One database, whose log can be set back and overtaken, two instances that read it, and one verifier.
 * Nothing is fair: a process that does not take its next step is slow, frozen or cut off.
 *
 * Property:
 *   ended_session_accepted   a verifier accepts no token of a session that ended more than maxStaleness ago
 * A database that is set back forgets ends. Such an end still counts for a verifier that knew of it.
 *
 * Each switch takes out one rule, and Spin shows what the rule prevents:
 *   NO_LOG_IDENTITY   nobody compares identities of logs or marks of rows
 *   NO_MARKS          identities are compared, but a log that is set back by plain SQL keeps its identity
 *   NO_MARK_IN_ID     instances compare marks, but Last-Event-ID contains none
 *   UNKNOWN_MARK_FITS a row that was removed before its mark was read may be any row (needs WITH_EXPIRY)
 *   NO_MERGE          a snapshot replaces what the verifier knew
 *   NO_STALENESS      a verifier relies on what it knows, however old
 *   AGE_AT_ARRIVAL    what arrives counts as new
 *   EARLIER_READING   a reader is served from a reading that began before its request
 *   LATE_TIME         server_time is taken when a heartbeat is written
 *
 * WITH_EXPIRY adds that tokens expire and that their rows are removed. It multiplies the states, so use SESSIONS=2.
 */

#ifndef SESSIONS
#define SESSIONS 3
#endif
#ifndef SET_BACKS
#define SET_BACKS 1
#endif
#define STALE 1         /* maxStaleness, in ticks */
#define OLD (STALE + 1) /* ages count up to here */
#define UNKNOWN 0

#define BIT(session) (1 << (session))
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define OLDER(age) MIN((age) + 1, OLD)

/*
 * The database. Sessions are numbered from 1. Each ends at most once, so its number is also the mark of its row, which
 * no other row has.
 */
byte log_id = 1            /* the identity of the log */
byte last_seq = 0
byte covered_from = 0      /* the rows up to this one were removed: no token of their sessions is valid */
byte row[SESSIONS + 2]     /* the session of each row, from row 1 on */
byte ended = 0             /* bits: sessions whose end the database knows */
byte was_ended = 0         /* bits: and those whose end it knew once */
byte expired = 0           /* bits: sessions without valid tokens */
byte age[SESSIONS + 1]     /* ticks since the commit of each end */
byte set_backs = 0

/* What an instance has read (log-copy.ts). */
typedef Copy {
  byte log_id              /* 0 before the first reading */
  byte seq
  byte from                /* it has the rows after this one */
  byte mark[SESSIONS + 1]  /* of the rows from `from` to `seq` */
  byte lost                /* bits: ends that an earlier log had */
}
Copy copy[2]

/* The verifier (verifiers/node/src/feed). */
byte known = 0             /* bits: sessions that it refuses */
byte was_known = 0         /* bits: sessions that it ever refused */
byte staleness = OLD       /* how old it believes its knowledge to be */
bool has_place = false     /* it sends a Last-Event-ID, made of these three */
byte place_log = 0
byte place_seq = 0
byte place_mark = UNKNOWN

/* Its connection. */
byte instance = 0
mtype:phase = { requested, being_read, streaming }
mtype:phase phase = requested
byte since_request = 0     /* ticks since the request was sent */
bool is_measured = false   /* the first server_time has arrived */
short lead = 0             /* how much later than the request that server_time was */
byte sent = 0              /* the last seq that was written to the stream */
bool is_beat_due = false
byte read_age = OLD        /* ticks since the last complete reading of its instance began */
bool is_reading = false    /* another reading is in progress */
byte next_age = 0          /* ticks since that one began */
/* In order: the event, log, seq, mark of that row, bits of sessions, age of server_time. */
mtype:event = { snapshot, revoked, heartbeat }
chan stream = [1] of { mtype:event, byte, byte, byte, byte, byte }

bool ended_session_accepted

/* The verifier sends a request to any instance. What was on its way to it is lost. */
inline connect_to(any) {
  instance = any
  since_request = 0
  is_measured = false
  lead = 0
  sent = 0
  is_beat_due = false
  is_reading = false
  next_age = 0
  if
  :: nempty(stream) -> stream ? _, _, _, _, _, _
  :: empty(stream)
  fi
  phase = requested
  read_age = OLD
#ifdef EARLIER_READING
  phase = being_read
  is_reading = true
  next_age = OLD
#endif
}

#define mine copy[me]
#define IS_MINE (instance == me)

#ifdef NO_LOG_IDENTITY
#define IS_SAME_LOG true
#else
#define IS_SAME_LOG (mine.log_id == log_id || mine.log_id == 0)
#endif
/* A mark that is unknown, because its row was removed, is not the mark of another row. */
#ifdef UNKNOWN_MARK_FITS
#define IS_MARK(known_mark, other) (known_mark == UNKNOWN || known_mark == other)
#else
#define IS_MARK(known_mark, other) (known_mark == other)
#endif
#if defined(NO_LOG_IDENTITY) || defined(NO_MARKS)
#define IS_SAME_ROW true
#else
#define IS_SAME_ROW (mine.seq <= covered_from || mine.seq > last_seq || IS_MARK(mine.mark[mine.seq], row[mine.seq]))
#endif
#define IS_SET_BACK (last_seq < mine.seq || !IS_SAME_ROW)

#if defined(NO_LOG_IDENTITY)
#define IS_MY_PLACE true
#elif defined(NO_MARKS) || defined(NO_MARK_IN_ID)
#define IS_MY_PLACE (place_log == mine.log_id)
#else
#define IS_MY_PLACE (place_log == mine.log_id && IS_MARK(place_mark, mine.mark[place_seq]))
#endif

/* Its reader has to connect again, here or elsewhere. */
inline drop_my_reader() {
  if
  :: IS_MINE -> connect_to(instance)
  :: else
  fi
}

/* Empties the copy. It goes on after `new_seq`. */
inline go_on_after(new_seq) {
  s = 0
  do
  :: s <= SESSIONS -> mine.mark[s] = UNKNOWN; s++
  :: s > SESSIONS -> break
  od
  mine.seq = new_seq
  mine.from = new_seq
}

/* The log was set back: begin again. What was known stays known. */
inline begin_again() {
  s = mine.from + 1
  do
  :: s <= mine.seq -> mine.lost = mine.lost | BIT(mine.mark[s]); s++
  :: s > mine.seq -> break
  od
  go_on_after(0)
}

/* Sessions in the copy. */
inline count_revocations() {
  bits = mine.lost
  s = mine.from + 1
  do
  :: s <= mine.seq -> bits = bits | BIT(mine.mark[s]); s++
  :: s > mine.seq -> break
  od
}

/* revocation-feed.ts, revocation-stream.ts. An instance reads, then writes. It can stop between any two steps. */
active [2] proctype Instance() {
  byte me = _pid
  byte s
  byte bits

end:
  do
  /* The reading begins: server_time is taken first. */
  :: atomic {
       IS_MINE && !is_reading ->
       is_reading = true
       next_age = 0
       if
       :: phase == requested -> phase = being_read
       :: else
       fi
     }
  /* The log is numbered and read. A reading for nobody begins and ends in one step. */
  :: atomic {
       !IS_MINE || is_reading ->
       if
       /* Another log: its readers need a snapshot. The next round reads it. */
       :: !IS_SAME_LOG ->
          if
          :: IS_SET_BACK -> begin_again()
          :: else
          fi
          mine.log_id = log_id
          drop_my_reader()
#ifdef NO_LOG_IDENTITY
       :: IS_SAME_LOG && IS_SET_BACK -> begin_again(); drop_my_reader()
#else
       /* The log was set back without a new identity. It gets one, so that everybody notices. */
       :: IS_SAME_LOG && IS_SET_BACK -> log_id++
#endif
       :: IS_SAME_LOG && !IS_SET_BACK ->
          mine.log_id = log_id
#ifdef WITH_EXPIRY
          if
          /* Rows were removed before this instance read them. */
          :: covered_from > mine.seq -> go_on_after(covered_from); drop_my_reader()
          :: else
          fi
#endif
          do
          :: mine.seq < last_seq -> mine.seq++; mine.mark[mine.seq] = row[mine.seq]
          :: mine.seq >= last_seq -> break
          od
#ifdef WITH_EXPIRY
          do
          :: mine.from < mine.seq && (expired & BIT(mine.mark[mine.from + 1])) ->
             mine.mark[mine.from] = UNKNOWN; mine.from++
          :: else -> break
          od
          mine.lost = mine.lost & ~expired
#endif
          read_age = (IS_MINE -> next_age : read_age)
          if
          /* Its first events: the rows after Last-Event-ID, or a snapshot. */
          :: IS_MINE && phase == being_read ->
             phase = streaming
             if
             :: has_place && place_seq >= mine.from && place_seq <= mine.seq && IS_MY_PLACE -> sent = place_seq
             :: else ->
                count_revocations()
                stream ! snapshot, mine.log_id, mine.seq, mine.mark[mine.seq], bits, read_age
                sent = mine.seq
             fi
          :: else
          fi
          is_beat_due = IS_MINE && phase == streaming
       fi
       is_reading = (IS_MINE -> false : is_reading)
       next_age = (is_reading -> next_age : 0)
       bits = 0
       s = 0
     }
  :: atomic {
       IS_MINE && phase == streaming && sent < mine.seq && nfull(stream) ->
       sent++
       stream ! revoked, 0, sent, mine.mark[sent], BIT(mine.mark[sent]), 0
     }
  :: atomic {
       IS_MINE && phase == streaming && sent == mine.seq && is_beat_due && nfull(stream) ->
#ifdef LATE_TIME
       read_age = 0
#endif
       stream ! heartbeat, 0, mine.seq, 0, 0, read_age
       is_beat_due = false
     }
  od
}

/* Counted from the request, which came before the reading: the age can be overrated, never underrated. */
inline learn_age(event_age) {
#ifdef AGE_AT_ARRIVAL
  staleness = 0
#else
  if
  :: !is_measured -> is_measured = true; lead = since_request - event_age; since_request = 0
  :: else
  fi
  staleness = MIN(staleness, MAX(event_age + lead, 0))
#endif
}

inline learn(sessions) {
  known = known | sessions
  was_known = was_known | sessions
  s = 1
  do
  :: s <= SESSIONS ->
     /* From now on it must be refused in any case: fewer states. */
     if
     :: was_known & BIT(s) -> age[s] = OLD
     :: else
     fi
     s++
  :: s > SESSIONS -> break
  od
  s = 0
}

active proctype Verifier() {
  byte s, log, seq, mark, bits, event_age
end:
  do
  /* Cut off, silent for too long, or dropped as too slow. */
  :: d_step { connect_to(0) }
  :: d_step { connect_to(1) }

  :: atomic {
       stream ? [snapshot, _, _, _, _, _] ->
       stream ? snapshot, log, seq, mark, bits, event_age
#ifdef NO_MERGE
       known = expired
#endif
       learn(bits)
       has_place = true
       place_log = log
       place_seq = seq
       place_mark = mark
       learn_age(event_age)
       log = 0; seq = 0; mark = 0; bits = 0; event_age = 0
     }
  :: atomic {
       stream ? [revoked, _, _, _, _, _] ->
       stream ? revoked, log, seq, mark, bits, event_age
       assert(seq == place_seq + 1)
       learn(bits)
       place_seq = seq
       place_mark = mark
       log = 0; seq = 0; mark = 0; bits = 0; event_age = 0
     }
  :: atomic {
       stream ? [heartbeat, _, _, _, _, _] ->
       stream ? heartbeat, log, seq, mark, bits, event_age
       assert(seq == place_seq)
       learn_age(event_age)
       log = 0; seq = 0; mark = 0; bits = 0; event_age = 0
     }
  od
}

#ifdef NO_STALENESS
#define IS_FRESH (has_place)
#else
#define IS_FRESH (staleness <= STALE)
#endif

#define MUST_BE_REFUSED(s) ((was_known & BIT(s)) || ((ended & BIT(s)) && age[s] == OLD))

/* Somebody presents a token of each session, at any moment. */
active proctype Presenter() {
  byte s
end:
  do
  :: atomic {
       IS_FRESH ->
       s = 1
       do
       :: s <= SESSIONS ->
          ended_session_accepted = (!(known & BIT(s)) && !(expired & BIT(s)) && MUST_BE_REFUSED(s))
          assert(!ended_session_accepted)
          s++
       :: s > SESSIONS -> break
       od
       s = 0
     }
  /* Only to show that it happens: fresh by a log that was set back, and it refuses what that log has lost. */
  :: atomic { IS_FRESH && set_backs > 0 && place_log == log_id && (known & ~(ended | expired)) -> skip }
  od
}

active proctype World() {
  byte s, n
  mtype:event what = snapshot
  byte log, seq, mark, bits, event_age
end:
  do
  /* A session ends. The next one, since sessions differ in nothing else. */
  :: atomic {
       was_ended != (BIT(SESSIONS + 1) - 2) ->
       s = 1
       do
       :: was_ended & BIT(s) -> s++
       :: else -> break
       od
       ended = ended | BIT(s)
       was_ended = was_ended | BIT(s)
       last_seq++
       row[last_seq] = s
       age[s] = 0
       s = 0
     }

  /* The log is set back by n rows. Their ends are lost with them. */
  :: atomic {
       set_backs < SET_BACKS && last_seq > 0 ->
       set_backs++
       select(n : 1 .. last_seq)
       do
       :: n > 0 ->
          ended = ended & ~BIT(row[last_seq])
          age[row[last_seq]] = ((was_known & BIT(row[last_seq])) -> OLD : 0)
          row[last_seq] = 0; last_seq--; n--
       :: n == 0 -> break
       od
       covered_from = MIN(covered_from, last_seq)
       if
       :: log_id++ /* by a restore, or with a standby that was promoted */
       :: true     /* by plain SQL */
       fi
     }

#ifdef WITH_EXPIRY
  /* The tokens of the oldest row expire, long after the end, and the row is removed. */
  :: atomic {
       covered_from < last_seq && (age[row[covered_from + 1]] == OLD || !(ended & BIT(row[covered_from + 1]))) ->
       covered_from++
       expired = expired | BIT(row[covered_from])
       known = known | expired
       row[covered_from] = 0
     }
#endif

  /* Time passes. */
  :: d_step {
       s = 1
       do
       :: s <= SESSIONS ->
          age[s] = ((ended & BIT(s)) && !(was_known & BIT(s)) -> OLDER(age[s]) : age[s])
          s++
       :: s > SESSIONS -> break
       od
       s = 0
       staleness = OLDER(staleness)
       since_request = (is_measured -> 0 : OLDER(since_request))
       /* The first response takes too long: the verifier sends another request. */
       if
       :: since_request == OLD -> connect_to(instance)
       :: else
       fi
       read_age = OLDER(read_age)
       next_age = (is_reading -> OLDER(next_age) : 0)
       n = len(stream)
       do
       :: n > 0 ->
          stream ? what, log, seq, mark, bits, event_age
          stream ! what, log, seq, mark, bits, OLDER(event_age)
          n--
       :: n == 0 -> break
       od
       what = snapshot; log = 0; seq = 0; mark = 0; bits = 0; event_age = 0
     }
  od
}
