import { status } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorTable, HeraldError, knownErrorCode } from '#src/errors'

const codes = Object.keys(errorTable) as ErrorCode[]

describe.each(codes)('%s', (code) => {
  const meaning = errorTable[code]

  test('has a gRPC status and an exit status', () => {
    expect(code).toMatch(/^HERALD_[A-Z]+(_[A-Z]+)*$/)
    expect(status[meaning.grpcStatus]).toBeTypeOf('string')
    expect(meaning.grpcStatus).not.toBe(status.OK)
    expect(meaning.exitCode).toBeGreaterThan(0)
    expect(meaning.exitCode).toBeLessThan(256)
  })

  test('is retryable if its gRPC status and its exit status are', () => {
    const retryable = [status.UNAVAILABLE, status.DATA_LOSS] as status[]
    expect(meaning.retryable).toBe(retryable.includes(meaning.grpcStatus))
    expect(meaning.exitCode === 5).toBe(meaning.retryable)
  })

  test('is the code of an error that has its properties', () => {
    const cause = new Error('cause')
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

  test('is known when it is received', () => {
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
] as const)('%s is %s and exit status %i, as documented', (code, grpc, exitCode) => {
  expect(errorTable[code]).toMatchObject({ grpcStatus: status[grpc], exitCode })
})

test('an unknown code is not taken for a known one', () => {
  for (const code of [undefined, '', 'HERALD_FROM_THE_FUTURE', 'constructor', '__proto__']) {
    expect(knownErrorCode(code)).toBeUndefined()
  }
})

test('an error without a cause has none', () => {
  expect('cause' in new HeraldError('HERALD_BUSY', 'Busy.')).toBe(false)
})
