import { readFile, writeFile } from 'node:fs/promises'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { differs, fingerprint } from './fingerprint.js'
import { corpusNames, type Golden, goldenFile, goldenOf, ownSources } from './golden-cases.js'
import { corpusLeftOut, hasCorpus, twoHalves } from './pictures.js'

/** Deleted, it is written anew by a run that fails: what is in it has to be looked at first. */
const golden: Readonly<Record<string, Golden>> | undefined = await readFile(
  goldenFile,
  'utf8',
).then(JSON.parse, () => undefined)
const written: Record<string, Golden> = {}
const names = await corpusNames()

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(async () => {
  await converter.close()
  if (!golden) await writeFile(goldenFile, `${JSON.stringify(written, null, 2)}\n`)
})

/** What is not as it was, in words. */
async function changes(name: string): Promise<string[]> {
  const seen = await goldenOf(converter.client, name)
  written[name] = seen
  const expected = golden?.[name]
  if (!expected) return [`${name} is not in golden.json`]
  expect(Object.keys(seen).sort(), name).toEqual(Object.keys(expected).sort())
  return Object.entries(seen).flatMap(([wish, print]) => {
    const change = differs(print, expected[wish] ?? '')
    return change ? [`${name}, ${wish}: ${change}`] : []
  })
}

test.each(Object.keys(ownSources))(
  '%s looks as it did, in every format after every operation',
  async (name) => expect(await changes(name)).toEqual([]),
  120_000,
)

test.runIf(hasCorpus)(
  `the corpus looks as it did, after every operation${corpusLeftOut}`,
  async () => {
    const waiting = [...names]
    const changed: string[] = []
    // As many at once as there are children.
    await Promise.all(
      [1, 2].map(async () => {
        for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
          changed.push(...(await changes(name)))
        }
      }),
    )
    expect(changed).toEqual([])
  },
  600_000,
)

const base = await twoHalves(120, 80).png().toBuffer()
const patterned = await sharp(base)
  .composite([{ input: await twoHalves(40, 20).png().toBuffer(), left: 70, top: 10 }])
  .png()
  .toBuffer()

describe('the fingerprint shows', () => {
  const apart = async (one: Buffer, other: Buffer) =>
    differs(await fingerprint(one), await fingerprint(other))

  test('no difference if only the coding differs', async () => {
    for (const other of [sharp(patterned).jpeg({ quality: 80 }), sharp(patterned).webp()]) {
      expect(await apart(await other.toBuffer(), patterned)).toBeUndefined()
    }
  })

  test.each([
    ['another size', (picture: Sharp) => picture.resize(119)],
    ['a mirror image', (picture: Sharp) => picture.flop()],
    ['other colours', (picture: Sharp) => picture.modulate({ hue: 40 })],
    ['a picture that is a little too dark', (picture: Sharp) => picture.linear(0.9)],
  ])('%s', async (_what, change) => {
    expect(await apart(await change(sharp(patterned)).png().toBuffer(), patterned)).toBeDefined()
  })
})
