export * from './find-kafka.js'
export * from './start-kafka.js'
