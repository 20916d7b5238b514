import { describe, expect, onTestFinished, test } from 'vitest'
import { runScript, runStart } from './script.js'

// Several processes start for each, and others may want the processors as well.
describe('npm run e2e', { timeout: 120_000 }, () => {
  test('passes on a stack of its own and leaves nothing behind', async () => {
    const { ended, output, leftovers } = runScript('e2e', { args: ['--own'] })
    expect(await ended, output()).toBe(0)
    expect(output()).toMatch(/\n {2}\d+ passed, 0 failed\n$/)
    expect(leftovers()).toEqual([])
  })

  test('told only addresses, fails where no mail comes', async () => {
    const { addresses, programs } = await runStart()
    process.kill(programs['notifier'] as number, 'SIGSTOP')
    onTestFinished(() => void process.kill(programs['notifier'] as number, 'SIGCONT'))
    const { ended, output } = runScript('e2e', {
      args: ['--patience', '0.2'],
      env: {
        HERALD_CONVERTER: addresses.converter,
        HERALD_BROKER: addresses.broker,
        HERALD_INBOX: addresses.inbox ?? '',
      },
    })
    expect(await ended, output()).toBe(1)
    expect(output()).toMatch(/passed {2}an unknown format/)
    expect(output()).toMatch(/FAILED {2}one file, one recipient/)
    expect(output()).toMatch(/0 of 1 mails to \S+ came within 0\.2 s/)
  })

  test('says plainly when no inbox answers', async () => {
    const { ended, output } = runScript('e2e', {
      env: { HERALD_INBOX: 'http://127.0.0.1:1', HERALD_CONVERTER: '127.0.0.1:1' },
    })
    expect(await ended).toBe(1)
    expect(output()).toContain('http://127.0.0.1:1 does not answer')
  })
})
