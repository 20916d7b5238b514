import { expect, test } from 'vitest'
import { loadConfig } from '#src/config'
import { parseConverterTarget } from '#src/converter-target'

test.each([
  ['converter:50051', { kind: 'list', addresses: ['converter:50051'] }],
  ['a:1, [::1]:2', { kind: 'list', addresses: ['a:1', '[::1]:2'] }],
  ['dns:///converter:50051', { kind: 'dns', host: 'converter', port: 50051 }],
  ['dns:///[::1]:2', { kind: 'dns', host: '::1', port: 2 }],
])('%s names converters', (text, target) => {
  expect(parseConverterTarget(text)).toEqual(target)
})

test.each([
  'nowhere',
  'a:1,',
  'a:1,b',
  'a:1,a:1',
  'dns:a:1',
  'dns:///a',
  'dns:///a:1,b:1',
  'http://a:1',
  'a:70000',
])('%s is refused with what is expected', (given) => {
  expect(() => loadConfig({ HERALD_CONVERTER: given })).toThrow(
    `Invalid HERALD_CONVERTER "${given}": expected host:port, several different ones as host:port,host:port, or dns:///name:port.`,
  )
})
