import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openTestSystem } from '../test-system.js'
import { isAccepted } from './count.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { untilNoLag } from './lag.js'
import { createChecks, type Result } from './result.js'
import { runCli } from './run-cli.js'
import { runScenario } from './run-scenario.js'
import { seeded, whole } from './seeded.js'

export interface ClientsOptions {
  readonly seed: number
  readonly runs: number
  readonly nodeArguments?: readonly string[]
}

const picture = fileURLToPath(
  new URL('../../../../stack/sample/herald-at-dusk.jpg', import.meta.url),
)

/** Clients are killed during a conversion: every finished file is announced. */
export async function runClients(
  kafkaFixture: KafkaFixture,
  options: ClientsOptions,
): Promise<Result> {
  const { nodeArguments = [] } = options
  const random = seeded(options.seed)
  return runScenario(kafkaFixture, { notifiers: 1 }, async ({ workspace, sink, fleet }) => {
    const system = await openTestSystem({ HERALD_BROKER: kafkaFixture.broker })
    const env = { ...workspace.env, HERALD_CONVERTER: system.env['HERALD_CONVERTER'] ?? '' }
    const files: string[] = []
    try {
      await system.start('converter')
      for (let run = 0; run < options.runs; run += 1) {
        const out = join(workspace.folder, `out-${run}`)
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
        // Every other client as soon as the file has its name; the others at a random time.
        const killAt = Date.now() + whole(random, 700)
        while (!over && (run % 2 === 0 ? !existsSync(file) : Date.now() < killAt)) await pause(2)
        client.kill()
        await ended
      }
      const flush = await runCli(['outbox', 'flush'], { env, nodeArguments }).ended
      const empty = await untilNoLag(fleet, 1, 30_000)
      const mails = (run: number) =>
        sink.sends.filter(
          (send) => isAccepted(send) && send.recipient === `client-${run}@example.com`,
        ).length
      const there = files.flatMap((file, run) => (existsSync(file) ? [run] : []))
      const lost = there.filter((run) => mails(run) === 0)
      const twice = files.filter((_, run) => mails(run) > 1)
      const early = files.filter((file, run) => !existsSync(file) && mails(run) > 0)
      const { failures, check } = createChecks()
      check(flush.status === 0, `outbox flush ends with ${flush.status}: ${flush.stderr}`)
      check(empty, 'not every event was acknowledged')
      check(there.length > 0, 'no client finished its file')
      check(lost.length === 0, `${lost.length} files not announced`)
      check(early.length === 0, `${early.length} mails about files that do not exist`)
      check(twice.length === 0, `${twice.length} files announced twice`)
      return {
        scenario: 'clients killed',
        figures: {
          events: there.length,
          unique: there.length - lost.length,
          duplicate: twice.length,
          lost: lost.length,
          kills: options.runs,
        },
        failures,
      }
    } finally {
      await system.close()
    }
  })
}
