import { expect, test } from 'vitest'
import { loadConfig } from '../src/web/config.js'

const env = { HERALD_DATA: '/data' }

test('records and results are in the data folder by default', () => {
  expect(loadConfig(env)).toMatchObject({
    records: undefined,
    results: 'file:///data/web/files',
    directory: '/data/web',
  })
})

test('records are in a schema of their own, so that the ledger may use the same database', () => {
  const config = loadConfig({
    ...env,
    HERALD_WEB_RECORDS: 'postgres://herald@db1,db2/herald',
    HERALD_WEB_RESULTS: 's3://results/web?endpoint=http://s3:9000',
  })
  expect(config.records).toMatchObject({ database: 'herald', schema: 'herald_web' })
  expect(config.results).toBe('s3://results/web?endpoint=http://s3:9000')
})

test.each([
  [{ HERALD_WEB_RECORDS: 'mysql://db/herald' }, /HERALD_WEB_RECORDS "mysql:/],
  [{ HERALD_WEB_RECORDS: 'postgres://me:s3cret@db/herald?lease=9s' }, /HERALD_WEB_RECORDS/],
  [
    { HERALD_WEB_RESULTS: '/results' },
    /HERALD_WEB_RESULTS "\/results": it begins with neither .*; expected file:\/\/\//,
  ],
  [{ HERALD_WEB_RECORDS: 'postgres://db/herald' }, /HERALD_WEB_RESULTS is missing/],
])('%j is refused before anything is opened', (given, message) => {
  expect(() => loadConfig({ ...env, ...given })).toThrow(message)
  expect(() => loadConfig({ ...env, ...given })).not.toThrow(/s3cret/)
})
