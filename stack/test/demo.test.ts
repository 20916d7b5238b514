import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runScript, runStart } from './script.js'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'herald-demo-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

// Each test starts several processes, possibly on a busy machine.
describe('npm run demo', () => {
  test('with nothing running, shows every step and leaves nothing behind', async () => {
    const out = newFolder()
    const { ended, output, leftovers } = runScript('demo', { args: ['--out', out] })
    expect(await ended, output()).toBe(0)
    const text = output()
    expect(text).toContain('herald-at-dusk.jpg')
    expect(text).toContain('2,400 × 1,600, image/jpeg')
    for (const name of ['webp', 'avif', 'jpg']) {
      expect(text).toMatch(
        new RegExp(`herald-at-dusk\\.${name} +1,600 × 1,067 +[\\d.]+ kB +−\\d+ % +[\\d.]+ m?s`),
      )
      expect(existsSync(join(out, `herald-at-dusk.${name}`))).toBe(true)
    }
    expect(text).toContain('location (GPS)')
    expect(text).toMatch(/event +[\da-f]{8}-[\da-f]{4}-7/)
    expect(text).toMatch(/topic notifications, partition \d+, offset \d+/)
    expect(text).toMatch(/subject +herald-at-dusk\.jpg is ready/)
    expect(text).toMatch(/In the inbox [\d.]+ m?s after the conversion/)
    // Plain without a terminal.
    expect(text).not.toContain('\u001b')
    expect(readFileSync(join(out, 'mail.html'), 'utf8')).toContain('src="data:image/')
    expect(leftovers()).toEqual([])
  })

  describeOnNats('2.15', 'on NATS', () => {
    const nats = useNats('2.15')

    test('needs only HERALD_BROKER, and reads a topic of its own', async () => {
      const { ended, output, leftovers } = runScript('demo', {
        args: ['--out', newFolder()],
        env: { HERALD_BROKER: nats.url },
      })
      expect(await ended, output()).toBe(0)
      expect(output()).toMatch(/topic notifications-\d+-\d+, partition \d+, offset 1/)
      expect(output()).toMatch(/subject +herald-at-dusk\.jpg is ready/)
      expect(leftovers()).toEqual([])
    })
  })

  test('uses the stack of npm start, and the mail stays in its inbox', async () => {
    const { addresses, child, data } = await runStart()
    const { ended, output } = runScript('demo', {
      args: ['--out', newFolder()],
      env: { HERALD_DATA: data },
    })
    expect(await ended, output()).toBe(0)
    expect(output()).toContain(`npm start runs (process ${child.pid})`)
    expect(output()).toContain(addresses.inbox)
    const mails = (await (await fetch(`${addresses.inbox}/email`)).json()) as { subject: string }[]
    expect(mails.map(({ subject }) => subject)).toEqual([
      expect.stringContaining('herald-at-dusk.jpg is ready'),
    ])
  })

  test('fails with the reason if the mail does not arrive', async () => {
    const { data, programs } = await runStart()
    process.kill(programs['notifier'] as number, 'SIGSTOP')
    onTestFinished(() => void process.kill(programs['notifier'] as number, 'SIGCONT'))
    const { ended, output } = runScript('demo', {
      args: ['--out', newFolder(), '--patience', '1'],
      env: { HERALD_DATA: data },
    })
    expect(await ended).toBe(1)
    expect(output()).toContain('No e-mail about this conversion arrived within 1 s.')
    expect(output()).toContain('The notifier does not answer')
    expect(output()).not.toContain('Done')
  })

  test('Ctrl-C during the run stops its stack and leaves nothing behind', async () => {
    const { interrupt, ended, output, leftovers } = runScript('demo', {
      args: ['--out', newFolder()],
    })
    await expect.poll(() => leftovers().length).toBeGreaterThan(0)
    interrupt()
    expect(await ended, output()).toBe(130)
    expect(leftovers()).toEqual([])
  })
})
