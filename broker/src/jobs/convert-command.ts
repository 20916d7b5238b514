import {
  type ConvertFile,
  convertFileType,
  decodeConvertFile,
  encodeConvertFile,
  type ReceivedConvertFile,
} from '@herald/proto/jobs'
import type { Message } from '../broker.js'
import { checkAttributes, type EventEnvelope } from '../cloud-events/event-attributes.js'
import { EventError } from '../cloud-events/event-error.js'
import { binaryHeaders, readHeaders } from '../cloud-events/message.js'

/** The topics of commands: `topic` and, for those that are taken first, `topic.high`. */
export const highTopic = (topic: string) => `${topic}.high`

export type ConvertCommand = ConvertFile & { readonly jobId: string }

/**
 * The command in CloudEvents' Kafka binary mode. The key is the job: jobs need no order, and those
 * of one key are worked on one after the other. Its id is the job's, so that a command that is published
 * twice is one. Throws EventError, TypeError or RangeError for values that do not fit.
 */
export function toCommandMessage(
  envelope: Pick<EventEnvelope, 'source' | 'time' | 'traceparent'>,
  command: ConvertCommand,
): Message {
  const { jobId } = command
  return {
    key: jobId,
    value: encodeConvertFile(command),
    headers: binaryHeaders({ ...envelope, id: jobId, subject: jobId, type: convertFileType }),
  }
}

export interface ReceivedCommand {
  readonly command: ReceivedConvertFile
  readonly traceparent: string | undefined
}

const jobId = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Reads what toCommandMessage wrote. Throws EventError for anything else. */
export function fromCommandMessage(message: Message): ReceivedCommand {
  const header = readHeaders(message)
  const { type, traceparent } = checkAttributes((name) =>
    name === 'traceparent' ? header(name) : header(`ce_${name}`),
  )
  if (type !== convertFileType) {
    throw new EventError('EVENT_UNKNOWN_TYPE', `The type is ${type}; expected ${convertFileType}.`)
  }
  let command: ReceivedConvertFile
  try {
    command = decodeConvertFile(message.value)
  } catch (error) {
    throw undecodable(`The data is not a valid ${convertFileType}.`, error)
  }
  // It becomes part of a path.
  if (!jobId.test(command.jobId)) throw undecodable('The id of the job is not a UUIDv7.')
  return { command, traceparent }
}

const undecodable = (message: string, cause?: unknown) =>
  new EventError('EVENT_UNDECODABLE', message, cause === undefined ? {} : { cause })
