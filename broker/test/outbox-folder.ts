import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message, PublishedPosition } from '@herald/broker'
import { silentLogger, thisProcess } from '@herald/runtime'
import { v7 } from 'uuid'
import { onTestFinished } from 'vitest'
import { type Outbox, type OutboxFile, openOutbox } from '#src/outbox/outbox'
import type { RelayLease } from '#src/outbox/relay-lease'

/** A fresh folder with room for an outbox, a broker and files; removed when the test is over. */
export async function makeFolders() {
  const directory = await mkdtemp(join(tmpdir(), 'herald-outbox-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const files = join(directory, 'files')
  await mkdir(files)
  return {
    directory,
    outbox: join(directory, 'outbox'),
    files,
    brokerUrl: `embedded:${join(directory, 'broker')}`,

    /** An outbox on this folders, closed when the test is over. */
    async open(logger = silentLogger, broker = `embedded:${join(directory, 'broker')}`) {
      const outbox = await openOutbox(join(directory, 'outbox'), { broker, logger })
      onTestFinished(() => outbox.close())
      return outbox
    },

    /** A complete temporary file and where it is to go. */
    async temporaryFile(name: string, content = `content of ${name}`): Promise<OutboxFile> {
      const file = {
        temporaryPath: join(files, `.${name}.${v7()}.part`),
        finalPath: join(files, name),
        sha256: sha256(content),
      }
      await writeFile(file.temporaryPath, content)
      return file
    },
  }
}

export const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')

export function textMessage(text: string, key: string | null = 'k'): Message {
  return { key, value: Buffer.from(text), headers: { ce_id: Buffer.from(v7()) } }
}

export function announce(text: string, files: readonly OutboxFile[] = [], key = 'k') {
  return { topic: 'notifications', messages: [textMessage(text, key)], files, label: text }
}

/** A process of another PID namespace. */
export const processElsewhere = {
  ...thisProcess,
  scope: (thisProcess.scope ?? '').replace(/\d+$/, '1'),
}

export async function leaseOf(outbox: Outbox): Promise<RelayLease> {
  const lease = await outbox.store.acquireLease()
  if (lease === undefined) throw new Error('another relay has the lease')
  return lease
}

export const readyOf = (outbox: Outbox) =>
  outbox.store.nextBatch(new Set()).map(({ entry: { id } }) => id)

/** As a relay does when the broker has acknowledged that entry. */
export const recordPublished = (
  outbox: Outbox,
  lease: RelayLease,
  id: string,
  to: PublishedPosition,
) => outbox.store.recordPublished(lease, [{ id, to: [to] }])
