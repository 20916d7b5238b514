import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openRig } from '#src/rig'

const picture = fileURLToPath(new URL('../../stack/sample/herald-at-dusk.jpg', import.meta.url))

test('herald why follows a conversion from the upload to the reply of the mail server', {
  timeout: 60_000,
}, async () => {
  const rig = await openRig()
  onTestFinished(() => rig.close())
  rig.env['HERALD_NOTIFIER'] = `http://${rig.env['HERALD_NOTIFIER_PROBES']}`
  await Promise.all([rig.start('inbox'), rig.start('converter')])
  await rig.start('notifier')
  const args = ['convert', picture, '--to', 'webp', '--out', rig.folder, '--json']
  const { conversionId, events } = JSON.parse((await rig.herald(args)).stdout)
  await (await rig.inbox()).waitFor(() => true)

  await expect
    .poll(async () => JSON.parse((await rig.herald(['why', conversionId, '--json'])).stdout), {
      timeout: 20_000,
    })
    .toMatchObject({
      known: true,
      notifier: null,
      events: [
        {
          eventId: events[0].id,
          conversionId,
          standing: 'accepted',
          sentence: expect.stringMatching(/^The mail server took it at \d\d:\d\d:\d\d: 250 /),
          topic: 'notifications',
          partition: events[0].partition,
          offset: events[0].offset,
        },
      ],
    })
  await rig.stop('notifier')
  const alone = await rig.herald(['why', events[0].id])
  expect(alone.exitCode).toBe(5)
  expect(alone.stdout).toContain('published on notifications')
})
