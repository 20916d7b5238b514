export * from './broker.js'
export * from './open-broker.js'
