import { openBroker } from '@herald/broker'
import { silentLogger as logger } from '@herald/runtime'
import { expect, test } from 'vitest'
import { createEmbeddedFolder } from './embedded-folder.js'

const invalid = [{ partitions: 0 }, { partitions: 1.5 }, { retentionMs: 0 }, { retentionMs: NaN }]

test.each(invalid)(
  'every driver refuses %o before it touches a file or the network',
  async (settings) => {
    const { url, dispose } = await createEmbeddedFolder()
    for (const each of [url, 'kafka://127.0.0.1:1']) {
      await expect(openBroker(each, { logger, ...settings }), each).rejects.toThrow(RangeError)
    }
    await dispose()
  },
)
