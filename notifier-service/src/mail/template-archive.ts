import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { templateFiles } from './template-files.js'
import { checkedSet, type TemplateSet } from './template-set.js'

/** The templates that earlier mails were written from: a mail sent again must be as it was. */
export interface TemplateArchive {
  /** Undefined where they are not there any more, or this version of Herald cannot use them. */
  find(version: string): TemplateSet | undefined
}

/** As long as the ledger keeps a mail at most times; what is older only costs the likeness. */
const keepMs = 90 * 86_400_000

/** Keeps `current` in `folder`, a file for each version. Processes may share the folder. */
export function createTemplateArchive(folder: string, current: TemplateSet): TemplateArchive {
  const opened = new Map<string, TemplateSet | undefined>([[current.source.version, current]])
  try {
    mkdirSync(folder, { recursive: true })
    keep()
    prune()
  } catch {
    // A full disk keeps no mail from being sent; one that is sent again may then look otherwise.
  }

  function keep(): void {
    const path = pathOf(current.source.version)
    const now = new Date()
    if (existsSync(path)) {
      utimesSync(path, now, now)
      return
    }
    const temporary = `${path}.${process.pid}`
    writeFileSync(temporary, JSON.stringify([...current.source.files]))
    renameSync(temporary, path)
  }

  function prune(): void {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      // Another process may be quicker.
      const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {}
      if (mtimeMs !== undefined && mtimeMs < Date.now() - keepMs) rmSync(path, { force: true })
    }
  }

  function read(version: string): TemplateSet | undefined {
    if (!/^[0-9a-f]{12}$/.test(version)) return undefined
    try {
      const files = templateFiles(new Map(JSON.parse(readFileSync(pathOf(version), 'utf8'))))
      // Of another version of the code: the same files would give another letter.
      return files.version === version ? checkedSet(files, []) : undefined
    } catch {
      return undefined
    }
  }

  function pathOf(version: string): string {
    return join(folder, `${version}.json`)
  }

  return {
    find(version) {
      if (!opened.has(version)) opened.set(version, read(version))
      return opened.get(version)
    },
  }
}
