import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dataFolder, defaultBroker } from '#src/data-folder'

test('the data folder does not depend on the working folder', () => {
  expect(dataFolder({})).toBe(join(homedir(), '.local/state/herald'))
  expect(dataFolder({ HOME: '/home/ada' })).toBe('/home/ada/.local/state/herald')
  expect(dataFolder({ HOME: '/home/ada', XDG_STATE_HOME: '/state' })).toBe('/state/herald')
  expect(dataFolder({ HOME: '/home/ada', XDG_STATE_HOME: 'relative' })).toBe(
    '/home/ada/.local/state/herald',
  )
  expect(dataFolder({ HERALD_DATA: '/data', XDG_STATE_HOME: '/state' })).toBe('/data')
  expect(dataFolder({ HERALD_DATA: 'here' })).toBe(join(process.cwd(), 'here'))
})

test('the embedded broker is in the data folder', () => {
  expect(defaultBroker({ HERALD_DATA: '/data' })).toBe('embedded:/data/broker')
})
