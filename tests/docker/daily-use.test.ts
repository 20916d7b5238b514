import { chmodSync, copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compose, docker, herald, pictures } from './compose.js'

describe('docker compose run herald', () => {
  test('converts files of the folder in which it is called', async () => {
    const folder = join(pictures, 'holiday')
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    copyFileSync(join(pictures, 'photo.jpg'), join(folder, 'beach.jpg'))
    const { status, stderr } = await herald(['convert', 'beach.jpg', '--to', 'webp'], {
      cwd: folder,
    })
    expect(status, stderr).toBe(0)
    expect(existsSync(join(folder, 'beach.webp'))).toBe(true)
  })

  test('works for a second user, who owns the results', async () => {
    const folder = join(pictures, 'second')
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    copyFileSync(join(pictures, 'photo.jpg'), join(folder, 'mine.jpg'))
    const env = { HERALD_USER: '4321:4321' }
    const options = { cwd: folder, env }
    const { status, stderr } = await herald(['convert', 'mine.jpg', '--to', 'webp'], options)
    expect(status, stderr).toBe(0)
    expect(statSync(join(folder, 'mine.webp')).uid).toBe(4321)
  })

  test('keeps the announcement while Kafka is stopped, prints the command that sends it, and the notifier is not ready', async () => {
    await compose(['stop', 'kafka'])
    const convert = ['convert', 'photo.jpg', '--to', 'png', '--force']
    const kept = await compose(['run', '--rm', '--no-TTY', '--no-deps', 'herald', ...convert], {
      cwd: pictures,
    })
    expect(kept.status, kept.stderr).toBe(0)
    expect(kept.stderr).toContain(
      'kept and will be sent later: docker compose run --rm herald outbox flush',
    )
    const ready = `fetch('http://127.0.0.1:9102/readyz').then((r) => r.text()).then(console.log)`
    const { stdout } = await compose(['exec', '--no-TTY', 'notifier', 'node', '--eval', ready])
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'not ready',
      reasons: [expect.stringMatching(/^broker: /)],
    })
    const { stdout: id } = await compose(['ps', '--quiet', 'notifier'])
    const checks = '{{range .State.Health.Log}}{{.Output}}{{end}}'
    const printed = async () => (await docker(['inspect', '--format', checks, id.trim()])).stdout
    await expect
      .poll(printed, { timeout: 60_000, interval: 1000 })
      .toContain('"not ready","reasons":["broker: ')
    await compose(['up', '--detach', '--wait', '--no-build', 'kafka'])
    const { status, stderr } = await herald(['outbox', 'flush'])
    expect(stderr).toContain('1 announcement sent.')
    expect(status).toBe(0)
  })
})

test('the programs have created all topics, including the one for dead letters', async () => {
  const list = ['/opt/kafka/bin/kafka-topics.sh', '--bootstrap-server', 'kafka:19092', '--list']
  const { stdout } = await compose(['exec', '--no-TTY', 'kafka', ...list])
  expect(stdout.trim().split('\n')).toEqual(
    expect.arrayContaining([
      'notifications',
      'notifications.dead-letter',
      'notifications.outcomes',
    ]),
  )
})

describe('docker compose up --scale', () => {
  test('refuses a second notifier, whose ledger is for one process', async () => {
    const { status, stderr } = await compose([
      'up',
      '--detach',
      '--wait',
      '--no-build',
      '--scale',
      'notifier=2',
      'notifier',
    ])
    expect(status).not.toBe(0)
    expect(stderr).toMatch(/"notifier" service is using the custom container name/)
  })

  test('starts a second converter, which callers on this machine can reach', async () => {
    const scale = async (count: number) => {
      const args = ['up', '--detach', '--wait', '--no-build', '--scale', `converter=${count}`]
      const { status, stderr } = await compose(args)
      expect(status, stderr).toBe(0)
      const { stdout } = await compose(['ps', '--quiet', 'converter'])
      expect(stdout.trim().split('\n')).toHaveLength(count)
    }
    await scale(2)
    const { status, stderr } = await herald(['convert', 'photo.jpg', '--to', 'gif', '--force'])
    expect(status, stderr).toBe(0)
    await scale(1)
  })
})
