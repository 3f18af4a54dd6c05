/**
 * Who waited for whom in a log that has the start and the end of every request: a request continues the one of its session that ended last before it
 * started, and waits too for all others that ended by then and that nobody waited for, in its session and in the sessions started from it.
 */
import type { RequestRows } from './requestRows.js'

export interface RecordedSessions {
  /** A request that was added to the rows. Times in ns on the clock of the rows; `endNs` NaN when it is not known. */
  note(row: number, session: string, startNs: number, endNs: number, parentSession?: string | null): void
  /** Sets session, parent, wait and joins of all requests noted; once, after the last one. Returns the number of sessions. */
  relate(rows: RequestRows): number
}

interface Session {
  readonly id: number
  readonly ended: { readonly row: number; readonly endNs: number }[]
  /** Rows of `ended` for whose end nobody waits yet. */
  readonly leaves: Map<number, number>
  readonly children: Session[]
  readonly parent: Session | null
}

/** Requests of a session that run at once are at most so many; earlier ones are not looked at. */
const MOST_AT_ONCE = 256

export function createRecordedSessions(): RecordedSessions {
  const noted: { row: number; session: string; startNs: number; endNs: number; parentSession: string | null }[] = []
  return {
    note(row, session, startNs, endNs, parentSession = null) {
      noted.push({ row, session, startNs, endNs, parentSession })
    },
    relate(rows) {
      const sessions = new Map<string, Session>()
      const sessionOf = (name: string, parentName: string | null): Session => {
        const known = sessions.get(name)
        if (known !== undefined) return known
        const parent = parentName === null || parentName === name ? null : sessionOf(parentName, null)
        const session: Session = { id: sessions.size, ended: [], leaves: new Map(), children: [], parent }
        parent?.children.push(session)
        sessions.set(name, session)
        return session
      }
      noted.sort((a, b) => a.startNs - b.startNs || a.row - b.row)
      for (const { row, session: name, startNs, endNs, parentSession } of noted) {
        const session = sessionOf(name, parentSession)
        rows.session.set(row, rootOf(session).id)
        const before = lastEnded(session, startNs) ?? (session.parent === null ? null : lastEnded(session.parent, startNs))
        if (before !== null) {
          let latest = before.endNs
          session.leaves.delete(before.row)
          for (const leaf of [session, ...session.children].flatMap(({ leaves }) => [...leaves])) {
            const [other, otherEndNs] = leaf
            if (otherEndNs > startNs) continue
            rows.joins.set(other, row)
            latest = Math.max(latest, otherEndNs)
            for (const { leaves } of [session, ...session.children]) leaves.delete(other)
          }
          rows.parent.set(row, before.row)
          rows.waitNs.set(row, startNs - latest)
        }
        if (Number.isNaN(endNs)) continue
        session.ended.push({ row, endNs })
        session.leaves.set(row, endNs)
      }
      return sessions.size
    },
  }
}

function lastEnded({ ended }: Session, byNs: number): Session['ended'][number] | null {
  let last: Session['ended'][number] | null = null
  for (let i = ended.length - 1; i >= Math.max(0, ended.length - MOST_AT_ONCE); i--) {
    if (ended[i].endNs <= byNs && (last === null || ended[i].endNs > last.endNs)) last = ended[i]
  }
  return last
}

const rootOf = (session: Session): Session => (session.parent === null ? session : rootOf(session.parent))
