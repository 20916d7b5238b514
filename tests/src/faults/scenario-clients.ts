import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openRig } from '../rig.js'
import { isTaken } from './count.js'
import { untilNoLag } from './lag.js'
import { play } from './play.js'
import { promises, type Result } from './result.js'
import { runCli } from './run-cli.js'
import { seeded, whole } from './seeded.js'
import type { Stage } from './stage.js'

export interface ClientsOptions {
  readonly seed: number
  readonly runs: number
  readonly nodeArguments?: readonly string[]
}

const picture = fileURLToPath(
  new URL('../../../../stack/sample/herald-at-dusk.jpg', import.meta.url),
)

/** Clients are killed in the middle of a conversion: who has the file also gets the mail. */
export async function runClients(stage: Stage, options: ClientsOptions): Promise<Result> {
  const { nodeArguments = [] } = options
  const random = seeded(options.seed)
  return play(stage, { notifiers: 1 }, async ({ place, sink, fleet }) => {
    const rig = await openRig({ HERALD_BROKER: stage.broker })
    const env = { ...place.env, HERALD_CONVERTER: rig.env['HERALD_CONVERTER'] ?? '' }
    const files: string[] = []
    try {
      await rig.start('converter')
      for (let run = 0; run < options.runs; run += 1) {
        const out = join(place.folder, `out-${run}`)
        mkdirSync(out)
        const file = join(out, 'herald-at-dusk.webp')
        files.push(file)
        const client = runCli(
          ['convert', picture, '--to', 'webp', '--width', '64', '--out', out].concat(
            ...['--notify', `client-${run}@example.com`],
          ),
          { env, nodeArguments },
        )
        let over = false
        const ended = client.ended.then(() => {
          over = true
        })
        // Every other one as soon as the file has its name; the rest some time in its life.
        const killAt = Date.now() + whole(random, 700)
        while (!over && (run % 2 === 0 ? !existsSync(file) : Date.now() < killAt)) await pause(2)
        client.kill()
        await ended
      }
      const flush = await runCli(['outbox', 'flush'], { env, nodeArguments }).ended
      const empty = await untilNoLag(fleet, 1, 30_000)
      const mails = (run: number) =>
        sink.sends.filter((send) => isTaken(send) && send.recipient === `client-${run}@example.com`)
          .length
      const there = files.flatMap((file, run) => (existsSync(file) ? [run] : []))
      const lost = there.filter((run) => mails(run) === 0)
      const twice = files.filter((_, run) => mails(run) > 1)
      const early = files.filter((file, run) => !existsSync(file) && mails(run) > 0)
      const { faults, hold } = promises()
      hold(flush.status === 0, `outbox flush ends with ${flush.status}: ${flush.stderr}`)
      hold(empty, 'not every event was acknowledged')
      hold(there.length > 0, 'no client got as far as its file')
      hold(lost.length === 0, `${lost.length} files not announced`)
      hold(early.length === 0, `${early.length} mails about files that are not there`)
      hold(twice.length === 0, `${twice.length} files announced twice`)
      return {
        scenario: 'clients killed',
        figures: {
          events: there.length,
          unique: there.length - lost.length,
          duplicate: twice.length,
          lost: lost.length,
          kills: options.runs,
        },
        faults,
      }
    } finally {
      await rig.close()
    }
  })
}
