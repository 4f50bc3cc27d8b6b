package feed

// rowsPerLock is how many rows are merged before other goroutines get their turn.
const rowsPerLock = 1_000

// addRows merges the rows of a snapshot, or of a part of one.
func (k *knowledge) addRows(event feedEvent, arrivedAt float64) {
	k.mutex.Lock()
	if log := (logIdentity{event.log, event.hasLog}); log != k.logOfRows {
		k.store.forgetSeqs()
		k.logOfRows = log
	}
	k.mutex.Unlock()
	k.merge(event, arrivedAt)
}

// merge adds the rows of an event in batches, and tells the listeners about each batch.
func (k *knowledge) merge(event feedEvent, arrivedAt float64) {
	for rows := event.rows; len(rows) > 0; {
		batch := rows[:min(rowsPerLock, len(rows))]
		rows = rows[len(batch):]
		for _, fresh := range k.addNew(batch, arrivedAt) {
			if fresh.upToGeneration < 0 {
				k.listeners.onEnd(SessionEnd{fresh.session, fresh.userID, fresh.reason})
			} else {
				k.listeners.onOutdated(OutdatedTokens{Session: fresh.session})
			}
		}
	}
	for _, row := range event.unreadable {
		if !k.refuseSubject(row, arrivedAt) {
			continue
		}
		k.listeners.onUnreadable(row.problem)
		k.listeners.onOutdated(OutdatedTokens{Session: row.session, UserID: row.userID})
	}
	if event.nameless != "" {
		k.listeners.onUnreadable(event.nameless)
	}
}

// addNew returns the rows that were new.
func (k *knowledge) addNew(batch []row, arrivedAt float64) []row {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	var fresh []row
	for _, row := range batch {
		if k.store.add(row, k.time.now(arrivedAt)) {
			fresh = append(fresh, row)
		}
	}
	return fresh
}

// refuseSubject returns true if the row is new and the service's time is known.
func (k *knowledge) refuseSubject(row unreadableRow, arrivedAt float64) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	nowMs := k.time.now(arrivedAt)
	if nowMs != nowMs { // NaN
		k.beforeTime[row.fingerprint] = row
		return false
	}
	return k.store.addUnreadable(row, nowMs, arrivedAt)
}
