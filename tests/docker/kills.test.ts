import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compose, docker, herald, pictures } from './compose.js'
import { type Delivery, deliveriesOf, mailsTo } from './deliveries.js'

// tests/docker/run --kills: ends each container in each way while files are converted.
const isEnabled = process.env['HERALD_KILLS'] === 'yes'
const files = 40

const ways: Record<string, (id: string, pid: string) => Promise<unknown>> = {
  'docker kill': (id) => docker(['kill', id]),
  'kill -9': async (_id, pid) => process.kill(Number(pid), 'SIGKILL'),
  'docker stop': (id) => docker(['stop', id]),
}

async function containerOf(service: string): Promise<{ id: string; pid: string }> {
  const { stdout } =
    service === 'herald'
      ? await docker(['ps', '--quiet', '--filter', 'label=com.docker.compose.oneoff=True'])
      : await compose(['ps', '--quiet', service])
  const id = stdout.trim().split('\n')[0] ?? ''
  const { stdout: top } = await docker(['top', id, '-o', 'pid,args'])
  const main = top.split('\n').filter((line) => /\bnode |\bjava |MailHog/.test(line))
  const program = main.find((line) => !/init|tini/.test(line)) ?? ''
  return { id, pid: program.trim().split(' ')[0] ?? '' }
}

describe.skipIf(!isEnabled)(
  `a run of ${files} files${isEnabled ? '' : ' (left out: only with --kills)'}`,
  () => {
    describe.each(Object.keys(ways))('%s', (way) => {
      test.each(['notifier', 'converter', 'kafka', 'mailhog', 'herald'])(
        '%s',
        // Without a converter the client retries each file for a while.
        { timeout: 900_000 },
        async (service) => {
          const folder = join(pictures, `${service}-${way.replace(/ /g, '')}`)
          mkdirSync(folder)
          chmodSync(folder, 0o777)
          const names = Array.from({ length: files }, (_, index) => `${index}.jpg`)
          for (const name of names) copyFileSync(join(pictures, 'photo.jpg'), join(folder, name))
          const address = `${service}-${way.replace(/\W/g, '')}@example.com`
          const args = [
            'convert',
            ...names,
            '--to',
            'webp',
            '--width',
            '640',
            '--jobs',
            '1',
            '--notify',
            address,
            '--json',
          ]
          const running = herald(args, { cwd: folder })
          await expect
            .poll(() => existsSync(join(folder, '1.webp')), { timeout: 60_000 })
            .toBe(true)
          const { id, pid } = await containerOf(service)
          await ways[way]?.(id, pid)
          const first = await running
          await compose(['up', '--detach', '--wait', '--no-build'])
          // As a person would: runs the command again for the missing files, and sends what is kept.
          const second = await herald([...args, '--skip-existing'], { cwd: folder })
          await herald(['outbox', 'flush'])
          const filesWritten = readdirSync(folder).filter((name) => name.endsWith('.webp')).length
          const lines = `${first.stdout}${second.stdout}`
            .split('\n')
            .filter((line) => line.startsWith('{'))
          const events = lines.flatMap((line) =>
            (JSON.parse(line).events ?? []).map((each: { id: string }) => each.id),
          )
          let mails: Delivery[] = []
          const settled = async () => {
            mails = await deliveriesOf(events)
            return mails.filter(({ state }) => state === 'accepted').length
          }
          await expect.poll(settled, { timeout: 120_000, interval: 2000 }).toBe(events.length)
          const ids = new Set(mails.map(({ messageId }) => messageId)).size
          const message =
            first.stderr.split('\n').filter((line) => /^[!✗]|herald:/.test(line))[0] ?? ''
          const failed = first.stdout
            .split('\n')
            .filter((line) => line.includes('"ok":false')).length
          console.log(
            [
              `${service}, ${way}`,
              `exit ${first.status}, ${failed} failed ${message}`,
              `${filesWritten} of ${files} files`,
              `${mails.length} of ${events.length} events mailed`,
              `${ids} mails, ${await mailsTo(address)} in the inbox`,
            ].join(' | '),
          )
          expect(filesWritten).toBe(files)
        },
      )
    })
  },
)
