import type {
  ConversionFailed,
  ConversionFailed__Output,
} from './generated/herald/events/v1/ConversionFailed.js'
import type {
  FileConverted,
  FileConverted__Output,
} from './generated/herald/events/v1/FileConverted.js'
import { messageType, strictReader } from './load.js'

export type { ConversionFailed, FileConverted }
export type ReceivedConversionFailed = ConversionFailed__Output
export type ReceivedFileConverted = FileConverted__Output

const fileConverted = messageType<FileConverted, FileConverted__Output>(
  'herald.events.v1.FileConverted',
)
const conversionFailed = messageType<ConversionFailed, ConversionFailed__Output>(
  'herald.events.v1.ConversionFailed',
)

/** The CloudEvents type of each event. A changed meaning needs a new type, not a new field. */
export const eventTypes = {
  fileConverted: 'herald.file.converted.v1',
  conversionFailed: 'herald.conversion.failed.v1',
} as const

/** An event to publish. */
export type HeraldEvent =
  | { type: typeof eventTypes.fileConverted; data: FileConverted }
  | { type: typeof eventTypes.conversionFailed; data: ConversionFailed }

/** An event that was read: every field is present, absent ones at their default. */
export type ReceivedHeraldEvent =
  | { type: typeof eventTypes.fileConverted; data: ReceivedFileConverted }
  | { type: typeof eventTypes.conversionFailed; data: ReceivedConversionFailed }

/** The event's data as protobuf. Throws TypeError or RangeError on a value that does not fit. */
export function encodeEvent(event: HeraldEvent): Buffer {
  switch (event.type) {
    case eventTypes.fileConverted:
      return fileConverted.serialize(event.data)
    case eventTypes.conversionFailed:
      return conversionFailed.serialize(event.data)
  }
}

/**
 * Reads protobuf `data` of the CloudEvents type `type`.
 * Returns undefined for a type that is not Herald's; throws if the bytes are not that message.
 */
export function decodeEvent(type: string, data: Uint8Array): ReceivedHeraldEvent | undefined {
  const bytes = strictReader(data)
  switch (type) {
    case eventTypes.fileConverted:
      return { type, data: withBuffer(fileConverted.deserialize(bytes)) }
    case eventTypes.conversionFailed:
      return { type, data: conversionFailed.deserialize(bytes) }
    default:
      return undefined
  }
}

function withBuffer(data: ReceivedFileConverted): ReceivedFileConverted {
  const { preview } = data
  return preview ? { ...data, preview: { ...preview, data: Buffer.from(preview.data) } } : data
}
