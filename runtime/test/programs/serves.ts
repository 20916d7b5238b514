import { writeSync } from 'node:fs'
import { ConfigurationError, createLogger, runProgram } from '@herald/runtime'
import { createMetrics, createProbesApp, listenHttp } from '#src/probes'

/**
 * A long-lived program: listens, prints its URL, and runs until it is stopped. The second argument
 * names what fails.
 */
const [address = '', failing = ''] = process.argv.slice(2)
const print = (line: string) => writeSync(1, `${line}\n`)

await runProgram({ logger: createLogger('serves'), deadlineMs: 300 }, async (lifecycle) => {
  lifecycle.defer('first', () => print('first closed'))
  if (failing === 'start') throw new Error('the start is broken')
  if (failing === 'configuration') throw new ConfigurationError(['HERALD_X is not set'])
  const probes = await listenHttp(
    createProbesApp({ metrics: createMetrics('serves'), notReady: () => [] }),
    address,
  )
  lifecycle.defer('probes', () => probes.close())
  if (failing === 'hang') lifecycle.defer('the stuck one', () => new Promise(() => {}))
  if (failing === 'closer') {
    lifecycle.defer('the broken one', () => {
      throw new Error('the close is broken')
    })
  }
  lifecycle.defer('last', () => print('last closed'))
  lifecycle.signal.addEventListener('abort', () => print('asked to stop'))
  print(probes.url)
})
