export * from './find-nats.js'
export * from './start-cluster.js'
export * from './start-nats.js'
