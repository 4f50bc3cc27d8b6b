/*
 * Refresh tokens and receipts. README.md in this folder says how to run it and what it leaves out.
 *
 * One session, two instances on one database, a network that loses and delays, a user, a thief, the
 * verifiers, and somebody who holds a service key and lies. A step of a process is one step of the
 * real system: one statement, one message or one event.
 *
 * Properties:
 *   honest_user_accused      an honest user is never told of a theft
 *   honest_user_signed_out   ... and is never refused with a genuine token
 *   spent_token_worked       a spent token whose successor was used never works
 *
 * Each switch takes out one rule, and Spin shows what the rule prevents:
 *   NO_RECEIPT_PROOF     a report of a first sighting counts without its proof
 *   NO_CONFIRM           reports confirm nothing
 *   REPLAY_ACCEPTED      a spent token gets a pair instead of ending the session
 *   NO_REPEAT            a lost response is repeated within the window only (LOST_ANSWER=window)
 *   NO_ROLL_FORWARD      a token from before the database was set back is unknown
 *   USE_BEFORE_PERSIST   the client uses new tokens that it has not saved
 *   LATE_REQUESTS        a request may run later than the window after its sender gave up
 *   PARALLEL_AFTER_LOSS  tabs refresh in parallel, also long after a response was lost
 * The last one is a fault of the rules as they are. With one rule more, Spin finds none:
 *   WINDOW_AFTER_USE     the window counts from the first use of the successor, too
 */

#ifndef LAST
#define LAST 3 /* the session is refreshed at most this often */
#endif
#define NONE 7 /* the thief holds nothing */

mtype:party = { user, thief }

/* The session's row. */
bool is_live = true
byte generation = 0
byte confirmed = 0      /* the highest generation whose access token was reported as used */
bool in_window = false  /* at most REFRESH_REUSE_WINDOW since the last rotation */

/* The user's client. A pair is an access token and a refresh token of one generation. */
byte held = 0           /* the generation of the pair in memory */
byte saved = 0          /* and of the pair on disk */
byte in_flight = 0      /* requests of the user that are not over */
byte in_flight_of = 0   /* and their generation */

bool has_thief          /* one half of the states has a thief, the other one a client that crashes */
byte loot = NONE        /* the generation of the pair that the thief holds */
bool was_robbed = false /* the user counts as honest until somebody copies a pair */

/* Access tokens up to this generation were seen, so those who saw them have the proofs `rcp`. */
byte seen = 0
bool seen_in_window = false /* at most REFRESH_REUSE_WINDOW since then; for WINDOW_AFTER_USE */

/* Tokens below this generation are spent, and the database knows that their successor was used. */
byte spent_below = 0

/* What the properties forbid. */
bool honest_user_accused, honest_user_signed_out, spent_token_worked

#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define MIN(a, b) ((a) < (b) -> (a) : (b))

#define IS_PREDECESSOR (presented + 1 == generation)
#ifdef NO_REPEAT
#define MAY_BE_LOST in_window
#else
#define MAY_BE_LOST (in_window || confirmed < generation)
#endif
#ifdef USE_BEFORE_PERSIST
#define MAY_USE true
#else
#define MAY_USE (saved == held)
#endif
#ifdef LATE_REQUESTS
#define ENDS_IN_TIME(condition) true
#else
#define ENDS_IN_TIME(condition) (condition)
#endif

#ifdef WINDOW_AFTER_USE
#define SEE(g) seen = g; seen_in_window = true
#else
#define SEE(g) seen = g
#endif

/* Parallel tabs: while the token is the current one, or was spent just now. */
#ifdef PARALLEL_AFTER_LOSS
#define MAY_BE_PARALLEL true
#else
#define MAY_BE_PARALLEL (generation <= held || in_window)
#endif

/*
 * To refresh, or to send the request again, now or much later. A pair is refreshed when its access token runs out,
 * minutes after the last refresh, so no request of an earlier generation is still in flight.
 */
#define USER_MAY_REFRESH \
  (is_live && MAY_USE && (in_flight == 0 || ENDS_IN_TIME(in_flight_of == held) && MAY_BE_PARALLEL))

inline issue(g) {
  /* Parallel tabs share one pair, so within the window the token before the current one works. */
  spent_token_worked = presented < spent_below && !(in_window && IS_PREDECESSOR)
  assert(!spent_token_worked)
  spent_below = MAX(spent_below, presented)
  in_window = in_window || g != generation
  generation = g
}

/* The request and its response are over. */
inline ran() {
  in_flight = in_flight - (who == user)
  in_flight_of = (in_flight == 0 -> 0 : in_flight_of)
}

/* An end is final. What else was known of the session no longer matters and is cleared: fewer states. */
inline end_session() {
  is_live = false
  generation = 0
  confirmed = 0
  in_window = false
  held = 0
  saved = 0
  loot = NONE
  seen = 0
  seen_in_window = false
  spent_below = 0
}

init {
  if
  :: has_thief = true
  :: has_thief = false
  fi
}

/* The table of refresh outcomes: refresh-session.ts and refresh-verdict.ts. */
active [2] proctype Instance() {
  mtype:party who
  byte presented

idle:
  /* A request arrives. It runs whenever the instance does. */
  atomic {
    who = user
    presented = 0
end_idle:
    if
    :: USER_MAY_REFRESH -> presented = held; in_flight++; in_flight_of = held
    :: is_live && loot != NONE -> who = thief; presented = loot
    fi
  }

  atomic {
    if
    /* g = c: rotate. One guarded UPDATE, so it matches for one of several parallel requests. */
    :: is_live && presented == generation && generation < LAST -> issue(generation + 1); goto respond
    :: is_live && presented == generation && generation == LAST -> ran(); goto idle /* the model ends here */
    :: !is_live || presented != generation /* it matched nothing */
    /* The request is lost, or the instance is killed. */
    :: ran(); goto idle
    fi
  }

  /* The row is read for the verdict. It may have changed in between. */
  atomic {
    if
    :: !is_live -> ran(); goto idle /* session_ended */
    :: is_live && presented == generation -> ran(); goto idle /* 503, try again */
    /* g > c: the seal is ours, so the database was set back. Roll forward. */
    :: is_live && presented > generation ->
#ifdef NO_ROLL_FORWARD
       /* invalid_refresh_token */
       honest_user_signed_out = who == user && !was_robbed
       assert(!honest_user_signed_out)
       ran()
       goto idle
#else
       if
       :: presented < LAST -> issue(presented + 1); goto respond
       :: else -> ran(); goto idle /* the model ends here */
       fi
#endif
    /* g = c - 1, and the response may have been lost: the same successor again. */
    :: is_live && IS_PREDECESSOR && MAY_BE_LOST -> issue(generation); goto respond
    :: is_live && presented < generation && !(IS_PREDECESSOR && MAY_BE_LOST)
    fi
  }

  /* Another spent token is a replay. Judged again under the lock, in the transaction that ends the session. */
  atomic {
    if
    :: !is_live -> ran(); goto idle /* session_ended */
    :: is_live && (presented >= generation || IS_PREDECESSOR && MAY_BE_LOST) -> ran(); goto idle /* 503 */
    :: is_live && presented < generation && !(IS_PREDECESSOR && MAY_BE_LOST) ->
#ifdef REPLAY_ACCEPTED
       issue(generation)
#else
       honest_user_accused = !was_robbed
       assert(!honest_user_accused)
       end_session()
       ran()
       goto idle /* refresh_token_reused */
#endif
    fi
  }

respond:
  atomic {
    if
    :: is_live && who == user -> held = MAX(held, presented + 1); saved = (has_thief -> held : saved)
    :: is_live && who == thief -> loot = presented + 1
    /* Copied on its way to the user, who does not get it. */
    :: is_live && who == user && has_thief -> loot = presented + 1; was_robbed = true
    :: true /* lost */
    fi
    ran()
    goto idle
  }
}

active proctype User() {
end:
  do
  /* Use the access token, at a verifier or at the service. */
  :: atomic { is_live && MAY_USE && held > seen -> SEE(held) }
  :: atomic { saved != held -> saved = held }
  /* The client crashes: what it had not saved is gone. */
  :: atomic { saved != held -> held = saved }
  /* Sign out. */
  :: atomic { is_live -> end_session() }
  od
}

active proctype Thief() {
end:
  do
  :: atomic { is_live && has_thief && loot != held -> loot = held; was_robbed = true }
  :: atomic { is_live && loot != NONE && loot > seen -> SEE(loot) }
  od
}

/* Reports of first sightings: late, lost, repeated, in any order (note-receipts.ts, confirm-receipts.ts). */
active proctype Receipts() {
  byte g
end:
  do
  :: atomic {
       is_live ->
       select(g : 1 .. LAST)
       if
       /* The proof is valid for a generation that was seen. A report above the session's generation is ignored. */
       :: g <= seen && g <= generation ->
          spent_below = MAX(spent_below, g)
#ifdef WINDOW_AFTER_USE
          in_window = in_window || (g == generation && confirmed < g && seen_in_window)
#endif
#ifndef NO_CONFIRM
          confirmed = MAX(confirmed, g)
#endif
#ifdef NO_RECEIPT_PROOF
       :: g <= generation -> confirmed = MAX(confirmed, g)
#endif
       :: else
       fi
       g = 0
     }
  od
}

active proctype World() {
  byte back_to, known
end:
  do
  /* The reuse window passes. It is longer than a request with its response may take. */
  :: atomic {
       (in_window || seen_in_window) && ENDS_IN_TIME(in_flight == 0) ->
       in_window = false
       seen_in_window = false
     }
  /* The database is set back: a restore that keeps the sessions, or a failover to a standby that was behind. */
  :: atomic {
       is_live ->
       select(back_to : 0 .. generation)
       select(known : 0 .. MIN(confirmed, back_to))
       in_window = in_window && generation == back_to
       generation = back_to
       confirmed = known
       /* It has forgotten that later tokens are spent, until their owner returns. */
       spent_below = (confirmed == generation -> generation : MAX(generation, 1) - 1)
       back_to = 0
       known = 0
     }
  od
}
