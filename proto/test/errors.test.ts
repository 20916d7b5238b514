import { status } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorTable, HeraldError, knownErrorCode } from '#src/errors'

const codes = Object.keys(errorTable) as ErrorCode[]

describe.each(codes)('%s', (code) => {
  const meaning = errorTable[code]

  test('has a meaning at every border', () => {
    expect(code).toMatch(/^HERALD_[A-Z]+(_[A-Z]+)*$/)
    expect(status[meaning.grpcStatus]).toBeTypeOf('string')
    expect(meaning.grpcStatus).not.toBe(status.OK)
    expect(meaning.exitCode).toBeGreaterThan(0)
    expect(meaning.exitCode).toBeLessThan(256)
  })

  test('means the same to retries, to gRPC and to the shell', () => {
    const retryable = [status.UNAVAILABLE, status.DATA_LOSS] as status[]
    expect(meaning.retryable).toBe(retryable.includes(meaning.grpcStatus))
    expect(meaning.exitCode === 5).toBe(meaning.retryable)
  })

  test('is carried by an error with all that it means', () => {
    const cause = new Error('beneath')
    const options = { remedy: 'Do this.', retryAfterMs: 250, cause }
    const error = new HeraldError(code, 'This was wrong.', options)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'HeraldError',
      message: 'This was wrong.',
      publicMessage: 'This was wrong.',
      code,
      remedy: 'Do this.',
      retryAfterMs: 250,
      ...meaning,
    })
    expect(error.cause).toBe(cause)
  })

  test('is known when it comes off the wire', () => {
    expect(knownErrorCode(code)).toBe(code)
  })
})

test.each([
  ['HERALD_USAGE', 'INVALID_ARGUMENT', 2],
  ['HERALD_UNKNOWN_FORMAT', 'INVALID_ARGUMENT', 2],
  ['HERALD_BAD_OPTION', 'INVALID_ARGUMENT', 2],
  ['HERALD_UNSUPPORTED_FILE', 'INVALID_ARGUMENT', 3],
  ['HERALD_CORRUPT_FILE', 'INVALID_ARGUMENT', 3],
  ['HERALD_TOO_MANY_BYTES', 'RESOURCE_EXHAUSTED', 3],
  ['HERALD_TOO_MANY_PIXELS', 'RESOURCE_EXHAUSTED', 3],
  ['HERALD_TOO_MANY_PAGES', 'RESOURCE_EXHAUSTED', 3],
  ['HERALD_TIMEOUT', 'DEADLINE_EXCEEDED', 4],
  ['HERALD_BUSY', 'UNAVAILABLE', 5],
  ['HERALD_UNREACHABLE', 'UNAVAILABLE', 5],
  ['HERALD_CANCELLED', 'CANCELLED', 130],
  ['HERALD_INTERNAL', 'INTERNAL', 1],
] as const)('%s is %s and ends the CLI with %i, as it is documented', (code, grpc, exitCode) => {
  expect(errorTable[code]).toMatchObject({ grpcStatus: status[grpc], exitCode })
})

test('a code that this version does not know is not mistaken for one that it does', () => {
  for (const code of [undefined, '', 'HERALD_FROM_THE_FUTURE', 'constructor', '__proto__']) {
    expect(knownErrorCode(code)).toBeUndefined()
  }
})

test('an error without a cause has none', () => {
  expect('cause' in new HeraldError('HERALD_BUSY', 'Busy.')).toBe(false)
})
