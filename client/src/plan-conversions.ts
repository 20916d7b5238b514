import { lstat, readdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { ReceivedFormat, RenditionSpec } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { isPageName, outputNames } from '@herald/runtime/output-name'
import { displayPath, escapeControls } from '@herald/runtime/terminal-text'
import type { InputFile } from './input-file.js'

/** One rendition to make and the name it gets; with `everyPage`, one file of each page. */
export interface PlannedRendition {
  readonly spec: RenditionSpec & { readonly format: string }
  /** Absolute. With `everyPage` the base for the names of the pages: see `pageName`. */
  readonly finalPath: string
}

export interface OutputOptions {
  /** Where the files go; undefined: beside their source. */
  readonly directory: string | undefined
  /** The folder within `directory`. Default: none. */
  readonly below?: string
  /** The options that all renditions share. */
  readonly spec: Omit<RenditionSpec, 'format'>
}

/** The renditions of `input`, one for each target, with their final names. */
export function planRenditions(
  input: InputFile,
  targets: readonly Target[],
  { directory, below, spec }: OutputOptions,
): PlannedRendition[] {
  const folder = directory === undefined ? dirname(input.path) : resolve(directory, below ?? '')
  const names = outputNames(
    input.name,
    targets.map((target) => target.extension),
  )
  return targets.map(({ format }, index) => ({
    spec: { ...spec, format },
    finalPath: join(folder, names[index] as string),
  }))
}

/** An error for each input that would get the same result name as one before it. */
export function findCollisions<
  Plan extends { given: string; renditions: readonly PlannedRendition[] },
>(plans: readonly Plan[]): Map<Plan, HeraldError> {
  const takers = new Map<string, string>()
  const collisions = new Map<Plan, HeraldError>()
  for (const plan of plans) {
    const taken = plan.renditions.find(({ finalPath }) => takers.has(finalPath))
    if (taken) collisions.set(plan, collision(plan.given, takers.get(taken.finalPath), taken))
    else for (const { finalPath } of plan.renditions) takers.set(finalPath, plan.given)
  }
  return collisions
}

function collision(given: string, other: string | undefined, { finalPath }: PlannedRendition) {
  if (other === given) {
    const remedy = 'Give it once.'
    return new HeraldError('HERALD_USAGE', `${escapeControls(given)} is given twice.`, { remedy })
  }
  return new HeraldError(
    'HERALD_USAGE',
    `${escapeControls(other ?? '')} and ${escapeControls(given)} would both become ${displayPath(finalPath)}.`,
    { remedy: 'Convert them with separate commands, into different folders with --out.' },
  )
}

/**
 * Rejects with HERALD_FILE_EXISTS if a result exists (with `overwrite`: if it is a folder). This
 * saves an upload; the binding check is made when the file gets its name.
 */
export async function refuseTakenNames(
  input: InputFile,
  renditions: readonly PlannedRendition[],
  overwrite: boolean,
): Promise<void> {
  for (const finalPath of await wantedNames(renditions)) {
    const taken = await lstat(finalPath).catch(() => undefined)
    if (taken?.isDirectory()) {
      throw new HeraldError('HERALD_FILE_EXISTS', `${displayPath(finalPath)} is a folder.`, {
        remedy: 'Choose another folder with --out.',
      })
    }
    if (!taken || overwrite) continue
    throw finalPath === input.path
      ? new HeraldError('HERALD_FILE_EXISTS', `${displayPath(finalPath)} would replace itself.`, {
          remedy: 'Use --out DIR to put the result elsewhere, or --force to replace the original.',
        })
      : new HeraldError('HERALD_FILE_EXISTS', `${displayPath(finalPath)} already exists.`, {
          remedy: 'Use --force to replace it, or --out DIR to put the result elsewhere.',
        })
  }
}

/** Whether a file exists under its name, or that of one of its pages. */
export async function isTaken(rendition: PlannedRendition): Promise<boolean> {
  for (const path of await wantedNames([rendition])) {
    if (await lstat(path).catch(() => undefined)) return true
  }
  return false
}

/** The final names; for pages, whose number is not known yet, those that exist. */
async function wantedNames(renditions: readonly PlannedRendition[]): Promise<string[]> {
  const names: string[] = []
  for (const { spec, finalPath } of renditions) {
    if (!spec.everyPage) {
      names.push(finalPath)
      continue
    }
    const folder = dirname(finalPath)
    const present = await readdir(folder).catch(() => [])
    const pages = present.filter((name) => isPageName(name, basename(finalPath))).sort()
    names.push(...pages.map((name) => join(folder, name)))
  }
  return names
}

/** A requested format. */
export interface Target {
  /** The converter's name for it; as typed if it is unknown. */
  readonly format: string
  /** The extension of its files, without the dot. */
  readonly extension: string
  /** Whether the converter can write it. */
  readonly offered: boolean
}

/**
 * The requested formats, each once, in order. A format is known by its name and its extensions,
 * in upper or lower case: `jpeg`, `jpg`, `.JPG`.
 */
export function resolveTargets(
  requested: readonly string[],
  formats: readonly ReceivedFormat[],
): Target[] {
  const targets = new Map<string, Target>()
  for (const raw of requested) {
    const typed = raw.trim().replace(/^\./, '').toLowerCase()
    const found =
      formats.find(({ name }) => name === typed) ??
      formats.find(({ extensions }) => extensions.includes(typed))
    const format = found?.name ?? typed
    targets.set(format, {
      format,
      extension: found?.extensions[0] ?? typed,
      offered: found?.writable ?? false,
    })
  }
  return [...targets.values()]
}
