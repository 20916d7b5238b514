import type { RenditionSpec } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { encodeOptions, parseOption } from '@herald/proto/option-values'
import { flagOf, optionRows, type RenditionOptions } from '@herald/proto/rendition-options'
import { unfit } from '@herald/runtime/output-name'
import { z } from 'zod'
import { fieldsFirst } from './read-form.js'

const whole = (min: number, max: number) =>
  z
    .string()
    .trim()
    .regex(/^\d{1,12}$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max))

/** The fields of a form except the options of the rendition. */
const form = z.object({
  to: z.string().regex(/^[a-z0-9.+-]{1,40}$/i),
  notify: z.string().max(320).optional(),
  /** The row's id in the browser. */
  key: z
    .string()
    .regex(/^[\w-]{1,40}$/)
    .optional(),
  /** The browser's id of the files sent together. */
  run: z
    .string()
    .regex(/^[\w-]{8,40}$/)
    .optional(),
  /** The number of these files. */
  count: whole(1, 10_000).optional(),
  /** The file's size, in bytes. */
  size: whole(0, 1e12).optional(),
  /** The file's name, percent-encoded: a form changes line breaks and quotes. */
  name: z.string().max(6_000).optional(),
  /** The path of the folder it was dropped with, percent-encoded. */
  folder: z.string().max(6_000).optional(),
})

/** The fields as the page labels them, if that differs. */
const labels: Readonly<Record<string, string>> = { to: 'Convert to', notify: 'Send an e-mail to' }

export interface FormFields extends z.output<typeof form> {
  readonly options: RenditionOptions
}

/**
 * Reads a form's fields; empty ones count as absent. An option's field has the name of its flag.
 * Throws HERALD_BAD_OPTION for the first that is invalid.
 */
export function readFields(fields: Readonly<Record<string, string>>): FormFields {
  const filled = Object.entries(fields).filter(([, text]) => text.trim() !== '')
  const read = form.safeParse(Object.fromEntries(filled))
  if (read.success) return { ...read.data, options: readOptions(new Map(filled)) }
  const name = String(read.error.issues[0]?.path[0] ?? 'form')
  if (name === 'to' && !filled.some(([given]) => given === name)) {
    const message = 'The field "to" (Convert to) is missing: it must come before the file.'
    throw new HeraldError('HERALD_BAD_OPTION', message, { remedy: fieldsFirst })
  }
  const field = labels[name] ?? name
  throw new HeraldError('HERALD_BAD_OPTION', `The field "${field}" is missing or invalid.`)
}

function readOptions(fields: ReadonlyMap<string, string>): RenditionOptions {
  const values = optionRows.flatMap(([name, { type }]) => {
    const text = fields.get(flagOf(name))?.trim()
    return text === undefined ? [] : [[name, parseOption(flagOf(name), type, text)]]
  })
  return encodeOptions(Object.fromEntries(values))
}

/** The requested rendition. */
export function renditionOf({ to, options }: FormFields): RenditionSpec & { format: string } {
  return { ...options, format: to.toLowerCase() }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded: another program's form.
    return text
  }
}

/** The file's name from the field `name`, else from the form's part. */
export function fileNameOf({ name }: FormFields, partName: string): string {
  if (name !== undefined) return bounded(decoded(name))
  // https://html.spec.whatwg.org/#multipart-form-data escapes these three, and nothing else.
  const plain = partName.replace(/%(0A|0D|22)/g, (_, code) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  return bounded(plain.replace(/^.*[/\\]/s, ''))
}

/** The folder, `photos/2024`, made safe for an archive; may be empty. */
export function folderOf({ folder = '' }: FormFields): string {
  const names = decoded(folder)
    .split(/[/\\]/)
    .map((name) => name.replace(unfit, '_').trim())
    .filter((name) => name !== '' && !/^\.+$/.test(name))
  return names.length === 0 ? '' : bounded(names.slice(-20).join('/')).replace(/\/+$/, '')
}

/** The longest file name that the contract takes. */
const maxNameBytes = 1024

/** The beginning of the name, in at most as many bytes as the contract takes. */
function bounded(name: string): string {
  const bytes = Buffer.from(name.slice(0, maxNameBytes))
  let end = Math.min(bytes.length, maxNameBytes)
  // A character is kept whole: its further bytes begin with the bits 10.
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end) || 'file'
}
