import { mountSmallDisk, noSmallDisk } from '@herald/runtime/test/small-disk'
import { expect, test, vi } from 'vitest'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

const stage = useStage()
const patience = { timeout: 60_000, interval: 50 }

const idOf = ({ raw }: { raw: string }) => /^Message-ID: <(.{36})@/im.exec(raw)?.[1] ?? ''

test.skipIf(noSmallDisk !== '')(
  `while the ledger's disk is full, nothing is sent that is not recorded; afterwards all is sent${noSmallDisk}`,
  async () => {
    const server = await startScriptedSmtp()
    stage.defer(() => server.close())
    const disk = mountSmallDisk(4 * 1024 * 1024)
    stage.defer(() => disk.remove())
    // The broker has a disk of its own.
    const notifier = await stage.start({ HERALD_SMTP: server.url, HERALD_DATA: disk.path })
    const publishTo = async (count: number) => {
      const ids = Array.from({ length: count }, () => uuidv7())
      const to = (n: number) => fileConverted({ recipient: { address: `u${n % 20}@example.com` } })
      await publish(
        stage.broker,
        ids.map((id, n) => message(to(n), id)),
      )
      return ids
    }
    const first = await publishTo(1)
    await vi.waitFor(() => expect(server.accepted).toHaveLength(1), patience)
    const said = () => notifier.log.map(({ msg }) => msg)

    disk.fill()
    const rest = await publishTo(400)
    await vi.waitFor(
      () => expect(said()).toContain('the ledger cannot be written: nothing is sent, events wait'),
      patience,
    )
    const ready = await fetch(`${notifier.probesUrl}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.text()).toMatch(/ledger: The store in .* was not written: the disk is full/)
    expect(server.bodies.length).toBeLessThan(401)
    for (const mail of [...server.bodies]) {
      const found = await fetch(`${notifier.probesUrl}/deliveries/${idOf(mail)}`)
      expect(found.status).toBe(200)
    }

    disk.empty()
    await vi.waitFor(() => expect(server.accepted).toHaveLength(401), patience)
    expect(said()).toContain('the ledger can be written again')
    expect((await fetch(`${notifier.probesUrl}/readyz`)).status).toBe(200)
    expect(server.bodies.map(idOf).sort()).toEqual([...first, ...rest].sort())
    expect(await notifier.stop()).toBe(0)
  },
)
