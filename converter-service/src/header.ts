import { HeraldError } from '@herald/proto/errors'
import { formatNamed } from './formats.js'
import { forecastInspection } from './inspect-forecast.js'
import type { Upload } from './upload.js'
import type { Job, Run } from './worker/job.js'
import type { Task } from './worker/messages.js'

type InspectTask = Extract<Task, { kind: 'inspect' }>

/** Whether what a format tells of a file stands in front, so that a part of the file tells it. */
export function standsInFront(format: string): boolean {
  // Of half an animation or document, only the pages so far would be counted.
  const { animates, paged, engine } = formatNamed(format)
  return !animates && !paged && engine === 'image'
}

/** Reads the header of a file that is still being written, where that can be done. */
export class HeaderReader {
  readonly #job: Job
  readonly #path: string
  #early: Promise<Run<InspectTask> | undefined> | undefined

  constructor(job: Job, path: string) {
    this.#job = job
    this.#path = path
  }

  /** A part of the file has been written. Never rejects: what is wrong is said of the whole file. */
  tryEarly(format: string): void {
    if (!standsInFront(format)) return
    this.#early = this.#read(format).catch((error) => {
      // The header may be longer than what has come.
      if (isCorrupt(error)) return undefined
      throw error
    })
    this.#early.catch(() => {})
  }

  /** All of it has been written. Rejects with HeraldError; `onStart` is called if it is yet to be read. */
  async read(upload: Upload, onStart: () => void): Promise<Run<InspectTask>> {
    return (await this.#early) ?? this.#read(upload.format, onStart)
  }

  #read(format: string, onStart?: () => void): Promise<Run<InspectTask>> {
    const source = { path: this.#path, format }
    return this.#job.run({ kind: 'inspect', source }, forecastInspection({ format }), onStart)
  }
}

function isCorrupt(error: unknown): boolean {
  return error instanceof HeraldError && error.code === 'HERALD_CORRUPT_FILE'
}
