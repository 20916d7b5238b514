import type { ConvertFile, ConvertFile__Output } from './generated/herald/jobs/v1/ConvertFile.js'
import type { JobEnded, JobEnded__Output } from './generated/herald/jobs/v1/JobEnded.js'
import { messageType, strictReader } from './load.js'

export type { ConvertFile, JobEnded }
export type ReceivedConvertFile = ConvertFile__Output
export type ReceivedJobEnded = JobEnded__Output

/** The CloudEvents type of the command. */
export const convertFileType = 'herald.file.convert.v1'

const convertFile = messageType<ConvertFile, ConvertFile__Output>('herald.jobs.v1.ConvertFile')
const jobEnded = messageType<JobEnded, JobEnded__Output>('herald.jobs.v1.JobEnded')

/** Throws TypeError or RangeError on a value that does not fit. */
export const encodeConvertFile = (command: ConvertFile): Buffer => convertFile.serialize(command)

/** Every field is present, absent ones at their default. Throws on bytes that are not that message. */
export const decodeConvertFile = (bytes: Uint8Array): ReceivedConvertFile =>
  convertFile.deserialize(strictReader(bytes))

/** Throws TypeError or RangeError on a value that does not fit. */
export const encodeJobEnded = (ended: JobEnded): Buffer => jobEnded.serialize(ended)

/** As decodeConvertFile. */
export const decodeJobEnded = (bytes: Uint8Array): ReceivedJobEnded =>
  jobEnded.deserialize(strictReader(bytes))
