import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { composeMail, messageIdOf } from '#src/mail/compose'
import { createMailWriter } from '#src/mail/mail-writer'
import { type SampleMail, sampleMails } from '#src/mail/sample-mails'
import { loadTemplates } from '#src/mail/templates'
import { tinyPng } from './sample-events.js'

const leftOut = hasSpamAssassin() ? '' : ' (left out: SpamAssassin is not installed)'
const set = loadTemplates(undefined)
const from = 'Herald <herald@example.org>'

// A rule against a Latin e that is disguised as a Cyrillic one; a Russian mail that names English
// files or links has both. SpamAssassin's own file proposes this score for languages with accents.
const bothAlphabets = ['--cf=score MIXED_ES 0.01']

describe.skipIf(leftOut !== '')(`SpamAssassin's local rules${leftOut}`, () => {
  test('find spam', async () => {
    const [score] = await scoresOf([Buffer.from(spam)], [])
    expect(score).toBeGreaterThan(5)
  })

  test.each([...set.wordings.keys()])(
    'score every mail in "%s" below 1.0',
    async (language) => {
      const samples = sampleMails(tinyPng)
      const mails = await Promise.all(samples.map((sample) => mailOf(sample, language)))
      const scores = await scoresOf(mails, language === 'ru' ? bothAlphabets : [])
      expect(scores).toHaveLength(samples.length)
      const tooHigh = samples.flatMap(({ name }, index) =>
        (scores[index] ?? 99) < 1 ? [] : [`${name}: ${scores[index]}`],
      )
      expect(tooHigh).toEqual([])
    },
    120_000,
  )
})

function mailOf({ events }: SampleMail, language: string): Buffer {
  const [first] = events
  if (first === undefined) throw new Error('a sample without events')
  return composeMail(createMailWriter(set, language), events, {
    from,
    to: 'ada@example.com',
    messageId: messageIdOf(first.envelope, from),
    language,
  })
}

/** All in one run: it is the reading of the rules that takes long. */
async function scoresOf(mails: readonly Buffer[], options: readonly string[]): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-spam-'))
  try {
    const mbox = join(folder, 'mbox')
    const separated = mails.map((mail) => {
      const text = mail
        .toString('latin1')
        .replaceAll('\r\n', '\n')
        .replace(/^From /gm, '>From ')
      return `From herald@example.org Sat Mar 14 09:05:07 2026\n${text}\n`
    })
    await writeFile(mbox, separated.join(''), 'latin1')
    const run = await promisify(execFile)('spamassassin', ['-L', ...options, '--mbox', mbox], {
      maxBuffer: 64 * 1024 ** 2,
      encoding: 'latin1',
    })
    return [...run.stdout.matchAll(/^X-Spam-Status: \w+, score=(-?[\d.]+)/gm)].map(([, score]) =>
      Number(score),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

function hasSpamAssassin(): boolean {
  try {
    execFileSync('spamassassin', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The test string that every such filter knows: https://spamassassin.apache.org/gtube/ */
const spam = [
  'From: x <x@example.org>\r\nTo: y <y@example.org>\r\nSubject: z\r\n',
  'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n',
].join('\r\n')
