import type {
  EngineLimits,
  EngineReport,
  Fault,
  Inspection,
  Made,
  PreviewMade,
  RenditionPlan,
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
      /** A preview is wanted of this rendition. */
      readonly preview?: boolean
    }
  | { readonly kind: 'preview'; readonly source: SourceFile; readonly limits: EngineLimits }

/** To a child. */
export interface Order {
  readonly task: Task
  /** How many it may work on. */
  readonly threads: number
}

/** What each kind of task comes to. */
export interface TaskResults {
  inspect: Inspection
  convert: Made
  preview: PreviewMade
}

export type TaskResult<T extends Task> = TaskResults[T['kind']]

/** What a child says of itself, for where /proc does not tell. */
export interface SelfReport {
  /** Processor time since the task began. */
  readonly cpuMs: number
  readonly residentBytes: number
}

/** From the child. It takes one task at a time, so answers need no number. */
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
  | { readonly kind: 'refused'; readonly fault: Fault; readonly used: SelfReport }
  /** A defect: `detail` is for the log only. */
  | { readonly kind: 'broken'; readonly detail: string; readonly used: SelfReport }
  | { readonly kind: 'working'; readonly used: SelfReport }
