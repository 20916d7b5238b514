import type {
  EngineLimits,
  EngineReport,
  Inspection,
  Preview,
  RenditionPlan,
  RenditionResult,
  SerializedError,
  SourceFile,
} from '../engines/engine.js'

/** One piece of work for a child. Files are named by path: bytes never cross the channel. */
export type Task =
  | { readonly kind: 'inspect'; readonly source: SourceFile }
  | {
      readonly kind: 'convert'
      readonly source: SourceFile
      readonly plan: RenditionPlan
      readonly target: string
      readonly limits: EngineLimits
      /** Whether to make a preview of this rendition. */
      readonly preview?: boolean
    }
  | { readonly kind: 'preview'; readonly source: SourceFile; readonly limits: EngineLimits }

/** To a child. */
export interface TaskMessage {
  readonly task: Task
  /** How many threads it may use. */
  readonly threads: number
}

/** The result of each kind of task. */
export interface TaskResults {
  inspect: Inspection
  convert: RenditionResult
  preview: Preview
}

export type TaskResult<T extends Task> = TaskResults[T['kind']]

/** What a child reports of its own use, for systems without /proc. */
export interface SelfReport {
  /** Processor time since the task began. */
  readonly cpuMs: number
  readonly residentBytes: number
}

/** From a child. It has one task at a time, so answers need no id. */
export type ChildMessage =
  | {
      readonly kind: 'ready'
      readonly engines: readonly EngineReport[]
      readonly residentBytes: number
    }
  | {
      readonly kind: 'done'
      readonly result: TaskResults[Task['kind']]
      readonly used: SelfReport
    }
  | { readonly kind: 'refused'; readonly error: SerializedError; readonly used: SelfReport }
  /** A defect: `detail` is for the log only. */
  | { readonly kind: 'failed'; readonly detail: string; readonly used: SelfReport }
  | { readonly kind: 'working'; readonly used: SelfReport }
