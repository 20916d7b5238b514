import { type Child, spawnProgram } from './child-process.js'

export interface MemberSettings {
  maxInFlight?: number
  /** A handler takes a random time between these. */
  shortestMs?: number
  longestMs?: number
}

/** An event whose handler was about to resolve. */
export interface Accepted {
  readonly id: string
  readonly key: string | null
  readonly attempt: number
  /** Nanoseconds of the machine's monotonic clock. */
  readonly at: number
}

export interface MemberProcess extends Child {
  /** The ids of the events whose handlers started. */
  readonly begun: readonly string[]
  readonly accepted: readonly Accepted[]
  readonly ready: boolean
}

/** A member of a group in a process of its own, run by the command `under`. */
export function startMember(
  url: string,
  topic: string,
  group: string,
  settings: MemberSettings = {},
  under: readonly string[] = [],
): MemberProcess {
  const child = spawnProgram('member', [url, topic, group, JSON.stringify(settings)], under)
  const begun: string[] = []
  const accepted: Accepted[] = []
  let read = 1
  // Each line is parsed once: tests poll.
  const catchUp = () => {
    for (; read < child.lines.length; read += 1) {
      const line = JSON.parse(child.lines[read] as string) as Accepted | { begun: string }
      if ('begun' in line) begun.push(line.begun)
      else accepted.push(line)
    }
  }
  return {
    pid: child.pid,
    lines: child.lines,
    end: (signal) => child.end(signal),
    get ready() {
      return child.lines.length > 0
    },
    get begun() {
      catchUp()
      return begun
    },
    get accepted() {
      catchUp()
      return accepted
    },
  }
}

/** The first acceptance of each event, in order of time. */
export function firstAcceptances(accepted: readonly Accepted[]): Accepted[] {
  const first = new Map<string, Accepted>()
  for (const each of [...accepted].sort((a, b) => a.at - b.at)) {
    if (!first.has(each.id)) first.set(each.id, each)
  }
  return [...first.values()]
}
