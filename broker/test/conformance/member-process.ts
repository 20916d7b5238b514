import { type Child, spawnProgram } from './child-lines.js'

export interface MemberSettings {
  maxInFlight?: number
  /** A handler takes a random time between these. */
  shortestMs?: number
  longestMs?: number
}

/** One event accepted: its handler was about to resolve. */
export interface Accepted {
  readonly id: string
  readonly key: string | null
  readonly attempt: number
  /** Nanoseconds of the machine's monotonic clock. */
  readonly at: number
}

export interface MemberProcess extends Child {
  /** The ids of the events handed to it. */
  readonly begun: readonly string[]
  readonly accepted: readonly Accepted[]
  readonly ready: boolean
}

/** A member of a group in a process of its own. */
export function startMember(
  url: string,
  topic: string,
  group: string,
  settings: MemberSettings = {},
): MemberProcess {
  const child = spawnProgram('member', [url, topic, group, JSON.stringify(settings)])
  const lines = () =>
    child.lines.slice(1).map((line) => JSON.parse(line) as Accepted | { begun: string })
  return {
    pid: child.pid,
    lines: child.lines,
    end: (signal) => child.end(signal),
    get ready() {
      return child.lines.length > 0
    },
    get begun() {
      return lines().flatMap((line) => ('begun' in line ? [line.begun] : []))
    },
    get accepted() {
      return lines().filter((line) => 'at' in line)
    },
  }
}

/** The first acceptance of each event, in time. */
export function firstAcceptances(accepted: readonly Accepted[]): Accepted[] {
  const first = new Map<string, Accepted>()
  for (const each of [...accepted].sort((a, b) => a.at - b.at)) {
    if (!first.has(each.id)) first.set(each.id, each)
  }
  return [...first.values()]
}
