import type { ErrorCode } from '@herald/proto/errors'
import type { RenditionSettings } from '@herald/proto/option-values'

/** What to make: a rendition spec whose every value has been checked. */
export interface RenditionPlan extends RenditionSettings {
  /** Its index among the conversion's renditions, from 0. */
  readonly index: number
  /** A name from the format catalogue. */
  readonly format: string
}

export interface EngineLimits {
  /** Over all pages that are read or written. */
  readonly maxPixels: number
  readonly maxPages: number
}

/** The uploaded file, as an engine gets it. */
export interface SourceFile {
  /** A path of ours: no part of it comes from outside. */
  readonly path: string
  /** Its format by content: a name from the format catalogue. */
  readonly format: string
  /** As its owner knows it. Shown on pages, never used as a path. */
  readonly name?: string
  /** Of a document: tracked changes are shown instead of accepted. */
  readonly trackedChanges?: boolean
}

/** What a file is, from its header alone. */
export interface Inspection {
  /** Of one page, upright. */
  readonly width: number
  readonly height: number
  readonly pages: number
  /**
   * Its metadata and parts that a rendition may lose: `orientation`, `exif`, `gps`, `xmp`, `iptc`, `icc`,
   * `pages`; of a PDF also `outline`, `properties`, `attachments`, `form`, `scripts`,
   * `signatures`, `restrictions`.
   */
  readonly holds: readonly string[]
  /** Why drawing it may take too long, for the error if it does. */
  readonly slowness?: Slowness
}

/** A reason and a remedy, as sentences. */
export interface Slowness {
  readonly reason: string
  readonly remedy: string
}

/** A rendition that was written. */
export interface RenditionResult {
  readonly width: number
  readonly height: number
  readonly pages: number
  /** The part of `Inspection.holds` that was kept. */
  readonly kept: readonly string[]
  readonly quality?: number
  /** 0 to 9; undefined if the format has none. */
  readonly effort?: number
  /** `libwebp 1.6.0` */
  readonly encoder: string
  /** If requested, and if it cost almost nothing. */
  readonly preview?: Preview
}

/** What else `convert` may make. */
export interface ConvertOptions {
  readonly preview?: boolean
}

export interface Preview {
  /** JPEG, at most 24 KiB, in base64: it travels between processes as JSON. */
  readonly base64: string
  readonly width: number
  readonly height: number
}

/** What an engine can do in this process, on this machine. */
export interface EngineReport {
  readonly name: string
  /** Why it is unavailable here; undefined if it is available. */
  readonly unavailable?: string
  /** The formats it reads, each with the formats it converts it to; names from the catalogue. */
  readonly makes: Readonly<Record<string, readonly string[]>>
  /** Library to version. */
  readonly versions: Readonly<Record<string, string>>
  /** Whether the programs it starts run in a sandbox; undefined if it starts none. */
  readonly sandboxed?: boolean
}

/**
 * Turns files of some formats into renditions. Runs in a child process that may be killed at
 * any moment, one call at a time; it cleans up nothing, its caller owns every file.
 * Every method rejects with HeraldError if the file or the request is the cause.
 */
export interface Engine {
  readonly name: string
  probe(): Promise<Omit<EngineReport, 'name'>>
  /**
   * Reads the header; of a document, lays out its pages. It comes before `convert` and may leave
   * files for it, whose names begin with the path of the source. Rejects with HERALD_CORRUPT_FILE,
   * HERALD_UNSUPPORTED_FILE.
   */
  inspect(source: SourceFile): Promise<Inspection>
  /**
   * Writes the rendition to `target`, which is absent or may be overwritten. Rejects also with
   * HERALD_TOO_MANY_PIXELS, HERALD_TOO_MANY_PAGES, HERALD_BAD_OPTION if the plan does not
   * suit this file.
   */
  convert(
    source: SourceFile,
    plan: RenditionPlan,
    target: string,
    limits: EngineLimits,
    options?: ConvertOptions,
  ): Promise<RenditionResult>
  /** A small picture of a rendition this engine wrote. */
  preview(rendition: SourceFile, limits: EngineLimits): Promise<Preview>
}

/** A HeraldError as a child sends it. */
export interface SerializedError {
  readonly code: ErrorCode
  readonly message: string
  readonly remedy?: string
}
