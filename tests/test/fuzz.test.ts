import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { digestOf, mutants } from '#src/faults/fuzz-mutations'
import { corpusFolder, runFuzz } from '#src/faults/scenario-fuzz'
import { seeded } from '#src/faults/seeded'

const leftOut = existsSync(corpusFolder) ? '' : ' (left out: the corpus of real pictures is absent)'

describe('mutants', () => {
  const originals = [
    { name: 'one', bytes: Buffer.alloc(2000, 1) },
    { name: 'other', bytes: Buffer.alloc(900, 2) },
  ]
  const digest = (seed: number) => digestOf(mutants(seeded(seed), originals, 200))

  test('are the same for the same seed, and others for another', () => {
    expect(digest(1)).toBe(digest(1))
    expect(digest(1)).not.toBe(digest(2))
  })

  test('differ from what they were made of', () => {
    const same = [...mutants(seeded(1), originals, 200)].filter(({ bytes }) =>
      originals.some((original) => original.bytes.equals(bytes)),
    )
    // Foreign bytes that happen to be the own ones: all of a file here is one byte over and over.
    expect(same.length).toBeLessThan(60)
  })
})

/** The short form of `npm run faults -- --only fuzz`. */
describe.skipIf(leftOut !== '')(`fuzz${leftOut}`, () => {
  test('broken files neither bring the converter down nor get past it, and leave nothing behind', async () => {
    const lines: string[] = []
    const result = await runFuzz({
      seed: 7,
      mutants: 100,
      foreignMutants: 4,
      maxOriginalBytes: 50_000,
      print: (line) => void lines.push(line),
    })
    expect(result.failures, [...lines, ...(result.notes ?? [])].join('\n')).toEqual([])
    expect(result.figures['compared']).toBeGreaterThan(100)
  })
})
