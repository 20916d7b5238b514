import { expect, test } from 'vitest'
import { type TurnKind, Turns } from '#src/jobs/turns'

/** Turns, and a log of what was started. Each job runs until `finish` is called with its name. */
function recorded(max: number) {
  const turns = new Turns(max)
  const started: string[] = []
  const running = new Map<string, () => void>()
  const signal = new AbortController().signal
  return {
    turns,
    started,
    add: (name: string, kind: TurnKind, until = signal) =>
      turns.run(kind, until, () => {
        started.push(name)
        return new Promise<void>((resolve) => running.set(name, resolve))
      }),
    async finish(name: string) {
      running.get(name)?.()
      await new Promise(setImmediate)
    },
  }
}

test('high priority is taken first, and at least every fifth job is a normal one', async () => {
  const { add, finish, started } = recorded(1)
  void add('first', 'normal')
  for (let at = 1; at <= 3; at++) void add(`n${at}`, 'normal')
  for (let at = 1; at <= 6; at++) void add(`h${at}`, 'high')
  await new Promise(setImmediate)
  for (let at = 0; at < 9; at++) await finish(started.at(-1) as string)
  expect(started).toEqual(['first', 'h1', 'h2', 'h3', 'h4', 'n1', 'h5', 'h6', 'n2', 'n3'])
})

test('a job that runs alone waits for the running ones, and no other is started until it is done', async () => {
  const { add, finish, started } = recorded(2)
  void add('a', 'normal')
  void add('alone', 'alone')
  void add('b', 'high')
  await new Promise(setImmediate)
  expect(started).toEqual(['a'])
  await finish('a')
  expect(started).toEqual(['a', 'alone'])
  await finish('alone')
  expect(started).toEqual(['a', 'alone', 'b'])
})

test('a job whose signal is aborted gives up its place', async () => {
  const { add, finish, started } = recorded(1)
  void add('a', 'normal')
  const gone = new AbortController()
  const waiting = add('gone', 'high', gone.signal)
  void add('b', 'normal')
  gone.abort(new Error('left'))
  await expect(waiting).rejects.toThrow('left')
  await finish('a')
  expect(started).toEqual(['a', 'b'])
})

test('once closed, those that wait are rejected, and those that run finish', async () => {
  const { turns, add, finish, started } = recorded(1)
  const running = add('a', 'normal')
  const waiting = add('b', 'high')
  turns.close(new Error('closed'))
  await expect(waiting).rejects.toThrow('closed')
  await expect(add('c', 'normal')).rejects.toThrow('closed')
  await finish('a')
  await running
  expect(started).toEqual(['a'])
})
