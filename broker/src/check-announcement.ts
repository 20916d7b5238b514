import { isAbsolute } from 'node:path'
import { maxMessageBytes } from './broker.js'
import { checkMessages } from './check-request.js'
import type { Announcement } from './outbox.js'

/**
 * A copy that later changes to the caller's objects do not reach, fit to be stored.
 * Throws TypeError for an announcement that cannot be carried out, BROKER_MESSAGE_TOO_LARGE for a
 * message that no broker would take.
 */
export function checkAnnouncement(announcement: Announcement): Required<Announcement> {
  const { topic, messages, files, overwrite = false, label } = announcement
  const require = (condition: boolean, what: string) => {
    if (!condition) throw new TypeError(`an announcement ${what}`)
  }
  require(topic !== '', 'names a topic')
  require(messages.length > 0, 'has at least one message')
  require(messages.every(({ value }) => value.byteLength > 0), 'has no message with an empty value')
  for (const { temporaryPath, finalPath, sha256 } of files) {
    require(isAbsolute(temporaryPath) && isAbsolute(finalPath), 'has absolute paths')
    require(/^[\da-f]{64}$/.test(sha256), 'names the SHA-256 of each file')
  }
  const paths = files.flatMap(({ temporaryPath, finalPath }) => [temporaryPath, finalPath])
  require(new Set(paths).size === paths.length, 'uses each path once')
  checkMessages(messages, maxMessageBytes)
  return {
    topic,
    messages: messages.map(({ key, value, headers }) => ({
      key,
      value: Buffer.from(value),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]),
      ),
    })),
    files: files.map(({ temporaryPath, finalPath, sha256 }) => ({
      temporaryPath,
      finalPath,
      sha256,
    })),
    overwrite,
    label,
  }
}
