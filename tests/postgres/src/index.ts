export * from './find-postgres.js'
export * from './start-postgres.js'
