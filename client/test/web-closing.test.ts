import { eventTypes } from '@herald/proto/events'
import { describe, expect, test, vi } from 'vitest'
import { beginRequest, openForm } from './begin-request.js'
import { gradient } from './pictures.js'
import { readTopic } from './read-topic.js'
import { openCaller, useWebPage, type WebFolder, type WebPage } from './web-page.js'

const patient = { timeout: 60_000, interval: 100 }
const picture = gradient(64, 48)

describe('a page that is closed midway', () => {
  let folder: WebFolder
  let page: WebPage

  useWebPage((web) => {
    ;({ folder, page } = web)
  })

  type Caller = ReturnType<typeof openCaller>
  const post = (caller: Caller, path: string, body: unknown) =>
    caller.get(path, { method: 'POST', body: JSON.stringify(body) })
  /** Names files as the page's script does before it sends the first one. */
  async function name(caller: Caller, notify: string, keys: readonly string[]) {
    const fields = { to: 'webp', notify, run: `run-${keys[0]}-x`, count: String(keys.length) }
    const files = keys.map((key) => ({ key, name: `${key}.png` }))
    return { fields, response: await post(caller, '/expect', { fields, files }) }
  }
  const eventsFor = async (address: string) =>
    (await readTopic(folder.brokerUrl)).flatMap(({ event }) =>
      event.data.recipient?.address === address ? [event] : [],
    )

  test('leaves a record of each file that was not sent, and its address gets the failure', async () => {
    const caller = openCaller(page)
    const keys = ['one', 'two', 'three']
    const { response, fields } = await name(caller, 'leaver@example.com', keys)
    expect(await response.json()).toEqual({ refused: {} })
    const before = await (await caller.get('/')).text()
    for (const key of ['one', 'two', 'three']) expect(before).toContain(`${key}.png`)
    expect(before.match(/class="row converting"/g)).toHaveLength(3)

    expect((await post(caller, '/leave', { keys: ['one', 'two', 'three'] })).status).toBe(204)
    const after = await (await caller.get('/')).text()
    expect(after.match(/class="row failed"/g)).toHaveLength(3)
    expect(after).toContain('The upload did not arrive completely. Send the file again.')
    // An upload that was on the way meanwhile is no conversion of its own.
    const late = await caller.send({ ...fields, key: 'one' }, { name: 'one.png', content: picture })
    expect(late.status).toBe(400)
    expect((await (await caller.get('/')).text()).match(/class="row /g)).toHaveLength(3)
    await vi.waitFor(async () => {
      const events = await eventsFor('leaver@example.com')
      expect(events.map(({ type }) => type)).toEqual(Array(3).fill(eventTypes.conversionFailed))
      expect(new Set(events.map(({ data }) => data.runSize))).toEqual(new Set([3]))
    }, patient)
  })

  test('an upload that breaks off has failed, and its address gets the failure', async () => {
    const caller = openCaller(page)
    await caller.get('/')
    const { fields } = await name(caller, 'broken@example.com', ['half'])
    const body = openForm('file', { ...fields, key: 'half', name: 'half.png' })
    const sending = await beginRequest(page, '/convert', { cookie: caller.cookie(), body })
    const html = () => caller.get('/').then((response) => response.text())
    await vi.waitFor(async () => expect(await html()).not.toContain('>Waiting<'), patient)
    sending.destroy()
    await vi.waitFor(async () => {
      expect(await html()).toContain('The upload did not arrive completely.')
      const events = await eventsFor('broken@example.com')
      expect(events.map(({ type }) => type)).toEqual([eventTypes.conversionFailed])
    }, patient)
  })

  test('a cancelled upload leaves no file and announces no failure', async () => {
    const caller = openCaller(page)
    await name(caller, 'cancelled@example.com', ['gone', 'kept'])
    const html = await (await caller.get('/')).text()
    const [, token] = /id="c-([\w-]{22})" data-key="gone"/.exec(html) ?? []
    const removed = await caller.get(`/c/${token}/remove`, {
      method: 'POST',
      headers: { Accept: 'application/json' },
    })
    expect(removed.status).toBe(204)
    await post(caller, '/leave', { keys: ['gone', 'kept'] })
    expect(await (await caller.get('/')).text()).not.toContain('gone.png')
    await vi.waitFor(async () => {
      const events = await eventsFor('cancelled@example.com')
      expect(events.map(({ data }) => 'fileName' in data && data.fileName)).toEqual(['kept.png'])
    }, patient)
  })

  test('a file that is named and then sent is one conversion and counts once', async () => {
    const own = await folder.start({ HERALD_WEB_FILES: '2' })
    const caller = openCaller(own)
    const { fields } = await name(caller, '', ['first', 'second'])
    for (const key of ['first', 'second']) {
      await caller.convert({ ...fields, key }, { name: `${key}.png`, content: picture })
    }
    const html = await (await caller.get('/')).text()
    expect(html.match(/class="row converted"/g)).toHaveLength(2)
    expect(html.match(/class="row /g)).toHaveLength(2)
    const third = await name(caller, '', ['third'])
    const { refused } = (await third.response.json()) as { refused: Record<string, string> }
    expect(refused['third']).toMatch(
      /^Too many files or e-mails within one hour\. Try again in \d+ min/,
    )
    expect(await own.stop()).toBe(0)
  })

  test('another visitor cannot cancel an upload', async () => {
    const ada = openCaller(page)
    await name(ada, '', ['hers'])
    await openCaller(page).get('/')
    await post(openCaller(page), '/leave', { keys: ['hers'] })
    expect(await (await ada.get('/')).text()).toContain('class="row converting"')
  })

  test('a restart ends what was still to come', async () => {
    const first = await folder.start()
    const caller = openCaller(first)
    await name(caller, 'restart@example.com', ['late'])
    await first.stop('SIGKILL')
    const second = await folder.start()
    await vi.waitFor(async () => {
      const events = await eventsFor('restart@example.com')
      expect(events.map(({ type }) => type)).toEqual([eventTypes.conversionFailed])
    }, patient)
    expect(await second.stop()).toBe(0)
  })
})
