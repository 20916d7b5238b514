export * from './find-nats.js'
export * from './start-nats.js'
