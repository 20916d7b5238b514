import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openInboxClient } from '@herald/mailhog/inbox-client'
import { type InboxProcess, startMailHog } from '@herald/mailhog/inbox-process'
import { findOrBuildMailHog } from '@herald/mailhog/mailhog-binary'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { makeEvent, people } from '#src/faults/events'
import { type Fleet, startFleet } from '#src/faults/fleet'
import { viewLedger } from '#src/faults/ledger-view'
import { publishPaced } from '#src/faults/publish-paced'

const found = await findOrBuildMailHog()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''

/** Jim refuses connections, hangs up and slows the line down, at random. */
const jim = [
  ...['-invite-jim', '-jim-accept=0.8', '-jim-disconnect=0.03', '-jim-linkspeed-affect=0.1'],
  ...['-jim-reject-sender=0', '-jim-reject-recipient=0', '-jim-reject-auth=0'],
]

describe.skipIf(leftOut !== '')(`MailHog with its chaos monkey${leftOut}`, () => {
  let folder: string
  let mailHog: InboxProcess | undefined
  let fleet: Fleet | undefined

  afterEach(async () => {
    await fleet?.destroy()
    await mailHog?.stop('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  test('every event becomes a mail, none goes to the dead letters', {
    timeout: 120_000,
  }, async () => {
    folder = mkdtempSync(join(tmpdir(), 'herald-jim-'))
    mailHog = await startMailHog('path' in found ? found.path : '', jim)
    const broker = `embedded:${join(folder, 'broker')}`
    const env = {
      HERALD_BROKER: broker,
      HERALD_DATA: folder,
      HERALD_TOPIC: 'jim',
      // The monkey cuts bodies off so often that two resends are not enough for everybody.
      HERALD_UNKNOWN_RESENDS: '20',
      // Its slowest lines take a mail in minutes.
      HERALD_SMTP_TIMEOUT: '10s',
    }
    fleet = await startFleet({ smtp: [mailHog.smtpUrl], env })
    const recipients = people(60)
    const events = recipients.map((recipient) => makeEvent(recipient, 0))
    await publishPaced(events, { broker, topic: 'jim', perSecond: Infinity })
    const ledger = await viewLedger(folder)
    const inbox = await openInboxClient(mailHog.webUrl)
    try {
      const isSettled = await ledger.untilSettled(events, 60_000)
      expect(isSettled, fleet.warnings.join('\n')).toBe(true)
      // Else the monkey slept, and nothing is shown.
      expect(fleet.warnings.length).toBeGreaterThan(0)
      const records = await ledger.findAll(events.map(({ id }) => id))
      expect(new Set(records.map((record) => record?.state))).toEqual(new Set(['accepted']))
      await vi.waitFor(async () => {
        const mailed = new Set((await inbox.list()).flatMap((mail) => mail.recipients))
        expect([...mailed].sort()).toEqual([...recipients].sort())
      })
    } finally {
      await ledger.close()
    }
  })
})
