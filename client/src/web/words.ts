import { en, type Words } from './words/en.js'
import { ru } from './words/ru.js'
import { zh } from './words/zh.js'

export type { Words }

const all: Readonly<Record<string, Words>> = { en, ru, zh }

export const languages = Object.keys(all)

/** The words of that language; English if it has none. */
export const wordsOf = (language: string): Words => all[language] ?? en

/** The text with `{name}` replaced by the value of that name. */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole))
}
