import type { HeraldError } from '@herald/proto/errors'
import type { Terminal } from '@herald/runtime/terminal'
import { jsonLine } from '@herald/runtime/terminal-text'
import type { Converted } from '../convert-and-announce.js'
import type { ConvertReport } from './convert-report.js'
import type { FileOutcome } from './file-conversion.js'
import type { MailOutcome } from './mail-outcomes.js'

/**
 * One JSON object per file and line, in the order of the arguments:
 * `file` as typed; `ok`; `path` (absolute), `conversionId`, `runId`, `traceparent`;
 * `source` {name, mediaType, sizeBytes, sha256, width, height, pages};
 * `renditions` [{path, name, format, mediaType, sizeBytes, sha256, width, height, pages, page,
 * quality, effort, encoder, conversionMs}]; `stripped`; `queueMs`, `conversionMs`, `estimatedMs`,
 * `cpuMs`, `peakMemoryBytes`, `totalMs`;
 * `topic`, `events` [{id, recipient, partition, offset}], `eventIds`, `announced` (whether they are
 * published); with --wait each of `events` has `mail` {state, reply}, state `mailed`, `not mailed` or
 * `possibly mailed`, null if not known in time; `warning` or null; `error` {code, message, remedy, exitCode} or null.
 * What does not apply is null or empty; fields are added, never renamed.
 */
export function jsonReport(terminal: Terminal, topic: string): ConvertReport {
  return {
    expect() {},
    done(outcome, mails) {
      terminal.print(jsonLine(lineOf(outcome, topic, mails)))
    },
    end() {},
  }
}

function lineOf(
  outcome: FileOutcome,
  topic: string,
  mails: ReadonlyMap<string, MailOutcome> | undefined,
) {
  const { converted, error, announced } = outcome
  const events = (announced?.events ?? []).map((event) =>
    mails ? { ...event, mail: mails.get(event.id) ?? null } : event,
  )
  return {
    file: outcome.given,
    ok: converted !== undefined,
    path: outcome.path ?? null,
    conversionId: outcome.conversionId,
    runId: outcome.runId,
    traceparent: outcome.traceparent,
    ...resultOf(outcome, converted),
    topic: announced ? topic : null,
    events,
    eventIds: events.map((event) => event.id),
    announced: announced?.published ?? false,
    warning: announced?.warning ?? null,
    error: error ? errorOf(error) : null,
  }
}

function resultOf(outcome: FileOutcome, converted: Converted | undefined) {
  const summary = converted?.summary
  const input = summary?.input
  return {
    source: input
      ? {
          name: outcome.name,
          mediaType: input.mediaType,
          sizeBytes: input.sizeBytes,
          sha256: input.sha256,
          width: input.width,
          height: input.height,
          pages: input.pages,
        }
      : null,
    renditions: (converted?.renditions ?? []).map((each) => ({
      ...each,
      page: each.page === undefined ? null : each.page + 1,
      quality: each.quality ?? null,
      effort: each.effort ?? null,
    })),
    stripped: summary?.stripped ?? [],
    queueMs: summary?.queueMs ?? null,
    conversionMs: summary?.conversionMs ?? null,
    estimatedMs: summary?.estimatedMs || null,
    cpuMs: summary?.cpuMs || null,
    peakMemoryBytes: summary?.peakMemoryBytes || null,
    totalMs: converted?.totalMs ?? null,
  }
}

export function errorOf({ code, publicMessage, remedy, exitCode }: HeraldError) {
  return { code, message: publicMessage, remedy: remedy ?? null, exitCode }
}
