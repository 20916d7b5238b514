import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import mailserver from 'maildev/lib/mailserver.js'

/** Replaces two functions of MailDev 2.2.1 that lose mails or crash under the load of a test. */
export function patchMailDev(directory: string): void {
  // MailDev's version parses the HTML into a DOM before it returns the source, and crashes if the
  // mail is deleted meanwhile.
  mailserver.getRawEmail = (id, done) => {
    readFile(join(directory, `${basename(id)}.eml`)).then(
      (bytes) => done(null, Readable.from([bytes])),
      () => done(new Error('no such mail')),
    )
  }

  // MailDev's version empties the folder later, including mails that arrive in between, and
  // crashes on a file that was deleted already.
  mailserver.deleteAllEmail = (done) => {
    const mails = mailserver.store.splice(0)
    mailserver.emit('delete', { id: 'all' })
    const removed = mails.flatMap(({ id }) => [
      rm(join(directory, `${id}.eml`), { force: true }),
      rm(join(directory, id), { force: true, recursive: true }),
    ])
    Promise.all(removed).then(() => done(null, true), done)
  }
}

/** An id is letters and digits; anything else could escape the folder. */
function basename(id: string): string {
  return id.replace(/[^A-Za-z0-9]/g, '')
}
