// What Herald uses of MailDev 2, which ships no types: the two modules that its
// entry point combines. The entry point is not used, since it installs signal handlers.
declare module 'maildev/lib/mailserver.js' {
  import type { Server } from 'node:net'
  import type { Readable } from 'node:stream'

  const mailserver: {
    create(port: number, host: string, mailDirectory: string): void
    port: number
    readonly smtp: NodeJS.EventEmitter & {
      readonly server: Server
      listen(port: number, host: string, listening: () => void): void
      close(closed: () => void): void
    }
    readonly store: { readonly id: string }[]
    emit(event: 'delete', what: { id: 'all' }): void
    deleteAllEmail: (done: (error: Error | null, done?: boolean) => void) => void
    getRawEmail: (id: string, done: (error: Error | null, mail?: Readable) => void) => void
  }
  export default mailserver
}

declare module 'maildev/lib/web.js' {
  import type { Server } from 'node:http'
  import type mailserver from 'maildev/lib/mailserver.js'

  const web: {
    readonly server: Server
    start(
      port: string,
      host: string,
      source: typeof mailserver,
      user: undefined,
      password: undefined,
      basePathname: string,
      secure: { https: boolean },
    ): void
    close(closed: () => void): void
  }
  export default web
}

declare module 'maildev/lib/logger.js' {
  const logger: { setLevel(level: 0 | 1 | 2): void }
  export default logger
}
