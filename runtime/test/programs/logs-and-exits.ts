import { createLogger } from '#src/logger'

const logger = createLogger('tester', process.argv[2])
logger.debug('too quiet')
logger.info({ count: 1 }, 'said')
logger.error({ err: new Error('broken') }, 'failed')
process.exit(3)
