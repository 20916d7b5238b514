import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../cases/', import.meta.url))

/** One kind of public bug report: inputs beside a `case.json` with commands and what is right. */
export interface Case {
  readonly name: string
  /** The kind, in one sentence. */
  readonly what: string
  /** `owner/repository#number` of the reports. */
  readonly reports: readonly string[]
  readonly checks: readonly Check[]
}

export interface Check {
  /** Arguments of `herald`, separated by spaces. */
  readonly run?: string
  /** A test that covers the case instead: its file and its name. */
  readonly coveredBy?: { readonly file: string; readonly test: string }
  /** A case that is not right yet: where README or docs say so. */
  readonly limit?: { readonly file: string; readonly says: string }
  readonly needs?: readonly ('libreoffice' | 'poppler')[]
  /** Default 0. */
  readonly exit?: number
  /** Exactly the files that the command makes. */
  readonly files?: readonly string[]
  readonly stderr?: readonly string[]
  readonly pixels?: Readonly<Record<string, Pixel | readonly Pixel[]>>
  /** Pages of pictures. */
  readonly pages?: Readonly<Record<string, number>>
  /** Pages of a PDF; width and height of its first page in points. */
  readonly pdf?: Readonly<Record<string, { pages: number; points?: readonly [number, number] }>>
  /** Text of a PDF as `pdftotext -layout` reads it. */
  readonly text?: Readonly<
    Record<string, { matches?: readonly string[]; lacks?: readonly string[] }>
  >
}

export interface Pixel {
  readonly at: readonly [x: number, y: number]
  readonly rgb: readonly [number, number, number]
  readonly tolerance: number
}

export function readCases(): Case[] {
  return readdirSync(folder).map((name) => ({
    name,
    ...(JSON.parse(readFileSync(join(folder, name, 'case.json'), 'utf8')) as Omit<Case, 'name'>),
  }))
}

/** A copy of the case's inputs to work in. */
export function copyInputs({ name }: Case): string {
  const copy = mkdtempSync(join(tmpdir(), 'herald-case-'))
  cpSync(join(folder, name), copy, { recursive: true })
  return copy
}

const programs = { libreoffice: 'soffice', poppler: 'pdftotext' } as const

/** What of the needed programs is not installed. */
export function missing({ needs = [] }: Check): string[] {
  return needs.filter((need) => !onPath(programs[need]))
}

const onPath = (program: string) =>
  (process.env['PATH'] ?? '').split(':').some((each) => {
    try {
      return readdirSync(each).includes(program)
    } catch {
      return false
    }
  })

export const pdfText = (path: string) =>
  execFileSync('pdftotext', ['-layout', path, '-'], { encoding: 'utf8' })

export function pdfInfo(path: string): { pages: number; points: [number, number] } {
  const info = execFileSync('pdfinfo', [path], { encoding: 'utf8' })
  const size = /^Page size:\s+([\d.]+) x ([\d.]+)/m.exec(info)
  return {
    pages: Number(/^Pages:\s+(\d+)/m.exec(info)?.[1]),
    points: [Number(size?.[1]), Number(size?.[2])],
  }
}
