import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import mailserver from 'maildev/lib/mailserver.js'

/** Replaces two functions of MailDev 2.2.1 that lose mails or end the process at the pace of a test. */
export function mendMailDev(directory: string): void {
  // Its own builds a browser's document out of the HTML before it hands over the source, and
  // ends the process when the mail is deleted meanwhile.
  mailserver.getRawEmail = (id, done) => {
    readFile(join(directory, `${basename(id)}.eml`)).then(
      (bytes) => done(null, Readable.from([bytes])),
      () => done(new Error('no such mail')),
    )
  }

  // Its own empties the folder later on, of mails that arrive in between as well, and ends the
  // process over a file that is gone already.
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

/** An id is letters and digits; anything else might lead out of the folder. */
function basename(id: string): string {
  return id.replace(/[^A-Za-z0-9]/g, '')
}
