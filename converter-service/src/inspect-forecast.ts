import { costTable } from './estimate-table.js'
import type { Upload } from './upload.js'
import type { Forecast } from './worker/job.js'

/** What takes a few milliseconds, whatever the file is. */
export const shortTask: Forecast = { ms: 10, sure: true }

/** A header is read at once; a drawing is parsed whole, a document by another program. */
export function forecastInspection({ format }: Pick<Upload, 'format'>): Forecast {
  const cost = costTable.sources[format]
  return { ms: shortTask.ms, sure: cost !== undefined && !cost.unsure }
}
