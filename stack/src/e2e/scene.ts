import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { InboxClient, Mail } from '@herald/mailhog/inbox-client'
import { type CliRun, heraldConvert } from '../herald-cli.js'
import type { Target } from './place.js'

const photo = fileURLToPath(new URL('../../../sample/herald-at-dusk.jpg', import.meta.url))

/** Tells this run from every other whose mail lies in the same inbox. */
const run = `e2e-${Date.now().toString(36)}-${process.pid}`
let people = 0

/** What a case works with. */
export interface Scene {
  readonly target: Target
  /** A folder of the case's own. */
  readonly folder: string
  /** Where `convert` puts the results. */
  readonly out: string
  /** An address that no other case and no other run uses. */
  someone(): string
  /** The sample photo under that name; resolves to its path. */
  photo(name: string): Promise<string>
  /** `herald convert … --out <out> --json`. */
  convert(...args: readonly string[]): Promise<CliRun>
  /** The mail to that recipient, once there are that many. Rejects after a while, saying what is there. */
  mailTo(recipient: string, count?: number): Promise<Mail[]>
  /** All mail to anyone whom `someone` ever made up in this run. */
  mailToEverybody(): Promise<Mail[]>
  /** The mail that names this conversion. */
  mailAbout(conversionId: string): Promise<Mail>
}

export interface SceneOptions {
  readonly target: Target
  readonly inbox: InboxClient
  readonly env: NodeJS.ProcessEnv
  /** How long a mail may take, in milliseconds. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/** The folder holds everything a case leaves; `close` removes it. */
export async function openScene({ target, inbox, env, patienceMs, signal }: SceneOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'herald-e2e-'))
  const out = join(folder, 'out')
  await mkdir(out)
  const scene: Scene = {
    target,
    folder,
    out,
    someone: () => `${run}-${++people}@example.com`,
    async photo(name) {
      const path = join(folder, name)
      await copyFile(photo, path)
      return path
    },
    // An outbox of its own: the script needs nobody else's data folder.
    convert: (...args) =>
      heraldConvert(
        [...args, '--out', out],
        { ...target, data: join(folder, 'data') },
        { env, signal },
      ),
    async mailTo(recipient, count = 1) {
      const has = (mail: Mail) => mail.recipients.includes(recipient)
      const giveUpAt = Date.now() + patienceMs
      for (;;) {
        const mails = (await inbox.list()).filter(has)
        if (mails.length >= count) return mails
        if (Date.now() > giveUpAt) {
          throw new Error(
            `${mails.length} of ${count} mails to ${recipient} came within ${patienceMs / 1000} s`,
          )
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    async mailToEverybody() {
      const mails = await inbox.list()
      return mails.filter(({ recipients }) => recipients.some((each) => each.startsWith(`${run}-`)))
    },
    mailAbout: (conversionId) =>
      inbox.waitFor((mail) => mail.text.includes(conversionId), patienceMs),
  }
  return { scene, close: () => rm(folder, { recursive: true, force: true }) }
}
