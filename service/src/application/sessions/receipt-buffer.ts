import type { Receipt, Sessions } from '../ports/sessions.ts'

/** Enough for every session a busy instance sees between two writes. */
const CAPACITY = 10_000

export interface ReceiptBuffer {
  /** Notes a receipt to be written later, at most one per session. Never waits, never fails. */
  add(receipt: Receipt): void
  /**
   * Writes what was noted. When that fails the receipts stay noted and the failure is thrown. Returns how many receipts were
   * above the generation of their session: the database was set back, and they prove nothing about the present.
   */
  flush(): Promise<number>
}

/**
 * Keeps receipts out of the way of requests. Losing some is safe: it delays the detection of a theft and never signs
 * an honest user out. So a full buffer drops new receipts.
 */
export function createReceiptBuffer(sessions: Sessions, capacity = CAPACITY): ReceiptBuffer {
  let noted = new Map<string, Receipt>()
  let writing = Promise.resolve(0)

  function add(receipt: Receipt): void {
    // By user, too: a report may name the wrong one, and must not take the place of the right one.
    const key = `${receipt.userId} ${receipt.sessionId}`
    const earlier = noted.get(key)
    if (earlier === undefined && noted.size >= capacity) return
    if (earlier === undefined || earlier.generation < receipt.generation) noted.set(key, receipt)
  }

  async function write(): Promise<number> {
    if (noted.size === 0) return 0
    const batch = noted
    noted = new Map()
    try {
      return await sessions.confirm([...batch.values()])
    } catch (error) {
      for (const receipt of batch.values()) add(receipt)
      throw error
    }
  }

  /** Waits for the write in progress, so that everything noted before the call is written. */
  function flush(): Promise<number> {
    const written = writing.catch(() => undefined).then(write)
    writing = written
    return written
  }

  return { add, flush }
}
