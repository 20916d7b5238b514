import { createLogger } from '#src/logger'

const logger = createLogger('tester')
logger.info({ url: 'https://host/hook?token=secret', broker: 'kafka://me:secret@host' }, 'said')
logger.error({ err: new Error('not found: https://host/hook?token=secret') }, 'failed')
