import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openTestSystem } from '#src/test-system'

const picture = fileURLToPath(new URL('../../stack/sample/herald-at-dusk.jpg', import.meta.url))

test('herald why follows a conversion from the upload to the reply of the mail server', {
  timeout: 60_000,
}, async () => {
  const system = await openTestSystem()
  onTestFinished(() => system.close())
  system.env['HERALD_NOTIFIER'] = `http://${system.env['HERALD_NOTIFIER_PROBES']}`
  await Promise.all([system.start('inbox'), system.start('converter')])
  await system.start('notifier')
  const args = ['convert', picture, '--to', 'webp', '--out', system.folder, '--json']
  const { conversionId, events } = JSON.parse((await system.herald(args)).stdout)
  await (await system.inbox()).waitFor(() => true)

  await expect
    .poll(async () => JSON.parse((await system.herald(['why', conversionId, '--json'])).stdout), {
      timeout: 20_000,
    })
    .toMatchObject({
      known: true,
      notifier: null,
      events: [
        {
          eventId: events[0].id,
          conversionId,
          status: 'accepted',
          sentence: expect.stringMatching(/^The mail server accepted it at \d\d:\d\d:\d\d: 250 /),
          topic: 'notifications',
          partition: events[0].partition,
          offset: events[0].offset,
        },
      ],
    })
  await system.stop('notifier')
  const alone = await system.herald(['why', events[0].id])
  expect(alone.exitCode).toBe(5)
  expect(alone.stdout).toContain('published on notifications')
})
