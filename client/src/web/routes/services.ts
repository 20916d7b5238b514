import type { BlobStore } from '@herald/runtime/blobs'
import type { Request } from 'express'
import type { ConverterClient } from '../../converter-client.js'
import type { WebConfig } from '../config.js'
import type { ConversionEvents, Progress } from '../conversion-events.js'
import type { Conversions } from '../conversions.js'
import type { ExpectedFiles } from '../expected-files.js'
import type { FormatCache } from '../format-cache.js'
import type { Limits } from '../limits.js'
import type { View } from '../pages/view.js'
import type { Records } from '../records.js'

/** What the routes need. */
export interface Services {
  readonly config: WebConfig
  readonly converter: ConverterClient
  readonly conversions: Conversions
  readonly expected: ExpectedFiles
  readonly records: Records
  readonly events: ConversionEvents
  readonly formats: FormatCache
  readonly limits: Limits
  readonly recipients: 'any' | 'none' | readonly string[]
  readonly results: BlobStore
  progressOf(token: string): Progress | undefined
  view(language: string): View
  /** Aborted when the program stops. */
  readonly stopping: AbortSignal
}

/** Whether the request is from a script, not from a browser's navigation. */
export const wantsJson = (request: Request) => request.accepts(['html', 'json']) === 'json'
