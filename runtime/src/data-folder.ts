import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The folder of Herald's data, one for all programs of a user, whatever the working folder:
 * HERALD_DATA, else $XDG_STATE_HOME/herald, else ~/.local/state/herald. Absolute; it need not exist.
 */
export function dataFolder(env: Environment): string {
  if (env['HERALD_DATA']) return resolve(env['HERALD_DATA'])
  return join(stateHome(env), 'herald')
}

/** The URL of the broker in that folder, the default of HERALD_BROKER. */
export const defaultBroker = (env: Environment) => `embedded:${join(dataFolder(env), 'broker')}`

/** The URL of the blob store in that folder, the default of HERALD_BLOBS. */
export const defaultBlobs = (env: Environment) => pathToFileURL(join(dataFolder(env), 'blobs')).href

/** XDG Base Directory Specification 0.8: a path that is not absolute is ignored. */
function stateHome({ XDG_STATE_HOME, HOME }: Environment): string {
  if (XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME)) return XDG_STATE_HOME
  return join(HOME || homedir(), '.local', 'state')
}
