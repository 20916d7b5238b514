import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { herald, pictures } from '../compose.js'
import { deliveriesOf, mailsTo } from '../deliveries.js'

export interface RunOfFiles {
  /** Resolves when the first file is converted. */
  begun(): Promise<void>
  /** Checks that all files were converted, and that each event was mailed in one mail. */
  expectDelivered(): Promise<void>
}

/** Starts `herald convert` of so many copies of the picture, one job at a time. */
export function convertFiles(name: string, count: number): RunOfFiles {
  const folder = join(pictures, name)
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  const names = Array.from({ length: count }, (_, index) => `${index}.jpg`)
  for (const each of names) copyFileSync(join(pictures, 'photo.jpg'), join(folder, each))
  const recipient = `${name}@example.com`
  const options = ['--to', 'webp', '--width', '640', '--jobs', '1', '--notify', recipient, '--json']
  const running = herald(['convert', ...names, ...options], { cwd: folder })
  const made = () => readdirSync(folder).filter((each) => each.endsWith('.webp')).length
  return {
    async begun() {
      const first = join(folder, '0.webp')
      await expect.poll(() => existsSync(first), { timeout: 60_000 }).toBe(true)
    },
    async expectDelivered() {
      const { status, stdout, stderr } = await running
      expect(status, stderr).toBe(0)
      expect(made()).toBe(count)
      // What could not be published in the meantime, perhaps because a partition has no leader yet.
      await expect
        .poll(async () => (await herald(['outbox', 'flush'])).status, { timeout: 60_000 })
        .toBe(0)
      const events = stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .flatMap((line) => (JSON.parse(line).events ?? []).map(({ id }: { id: string }) => id))
      expect(events).toHaveLength(count)
      const accepted = async () =>
        (await deliveriesOf(events)).filter(({ state }) => state === 'accepted')
      await expect
        .poll(async () => (await accepted()).length, { timeout: 90_000, interval: 1000 })
        .toBe(count)
      const mails = new Set((await accepted()).map(({ messageId }) => messageId)).size
      expect(await mailsTo(recipient)).toBe(mails)
      console.log(`${name}: ${count} files, ${count} events in ${mails} mails, none twice`)
    },
  }
}
