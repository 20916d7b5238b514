import { ConfigurationError } from '@herald/runtime'
import { readPhrases } from './check-phrases.js'
import { checkTemplates } from './check-templates.js'
import { createPhrases } from './phrases.js'
import { createQuantities } from './quantities.js'
import { createRenderer, type LetterFile, type Renderer } from './render.js'
import { everyLetter } from './sample-events.js'
import { type Shape, shapeOf } from './shape.js'
import { readTemplateFiles, type TemplateFiles } from './template-files.js'
import type { View, Voice } from './view.js'
import { draftOf, type LetterKind } from './write-letter.js'

/** Templates and phrases that were found without fault. */
export interface TemplateSet {
  readonly source: TemplateFiles
  readonly renderer: Renderer
  /** By the name of their file: `en`, `ru`, `zh`. */
  readonly voices: ReadonlyMap<string, Voice>
}

/** Throws ConfigurationError naming every fault. */
export function loadTemplates(folder: string | undefined): TemplateSet {
  const faults: string[] = []
  const source = readTemplateFiles(folder, faults)
  const set = checkedSet(source, faults)
  if (set === undefined || faults.length > 0) throw new ConfigurationError(faults)
  return set
}

/** Undefined where `faults` were found. */
export function checkedSet(source: TemplateFiles, faults: string[]): TemplateSet | undefined {
  const voices = new Map<string, Voice>()
  const labels = new Map<string, Readonly<Record<string, string>>>()
  for (const [name, text] of source.files) {
    const language = /^strings\/(.+)\.json$/.exec(name)?.[1]
    const file = language === undefined ? undefined : readPhrases(name, text, faults)
    if (language === undefined || file === undefined) continue
    labels.set(name, file.labels)
    const phrases = createPhrases(file)
    voices.set(language, { phrases, quantities: createQuantities(phrases) })
  }
  const [voice] = voices.values()
  if (voice === undefined) faults.push('There is no language: no file in strings/ is fit for use.')
  else faults.push(...checkTemplates({ files: source.files, shapes: shapesIn(voice), labels }))
  if (faults.length > 0) return undefined
  return { source, voices, renderer: createRenderer(source.files) }
}

/** What each letter can say, from letters in which everything occurs. */
function shapesIn(voice: Voice): Map<LetterFile, Shape> {
  const views: Record<LetterKind, View[]> = { converted: [], failed: [], digest: [] }
  for (const { events } of everyLetter()) {
    const { kind, view } = draftOf(events, voice, false)
    views[kind].push(view)
  }
  return new Map(
    (['converted', 'failed', 'digest'] as const).flatMap((kind) => {
      const shape = shapeOf(views[kind])
      return [
        [`${kind}.html`, shape],
        [`${kind}.txt`, shape],
      ] as const
    }),
  )
}
