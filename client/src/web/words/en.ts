import { removedParts } from '../../removed-parts.js'

/** By error code; any other code is shown with its own message. */
const errors: Readonly<Record<string, string>> = {
  HERALD_UNREACHABLE: 'The converter cannot be reached. Try again in a minute.',
  HERALD_BUSY: 'The service is busy. Try again in a minute.',
  HERALD_SHUTTING_DOWN: 'The service was restarted. Send the file again.',
  HERALD_DAMAGED_TRANSFER: 'The upload did not arrive completely. Send the file again.',
  HERALD_CANCELLED: 'The conversion was cancelled.',
  HERALD_DISK_FULL: 'The service has no free disk space. Try again later.',
  HERALD_CANNOT_WRITE: 'The service cannot save files at the moment. Try again later.',
  HERALD_INTERNAL:
    'Internal error. Try again; if it happens again, report it to the operator of this service.',
}

/** Every text of the page in English; `{…}` is replaced. */
export const en = {
  language: 'en',
  title: 'Convert pictures and documents',
  lead: 'Choose files, check the preview, download the results.',
  /** The same if the page may send e-mail. */
  leadMail: 'Choose files, check the preview, and download the results here or from an e-mail.',
  drop: 'Drop files or folders here',
  dropMore: 'Drop more files here',
  choose: 'or paste them, or click to choose',
  /** For touch screens, which cannot drop files. */
  pick: 'Choose files',
  privacy: 'Results are deleted after {time}. Anyone who has the link can open them.',
  format: 'Convert to',
  /** In the empty field of an option. */
  auto: 'auto',
  more: 'More options',
  notify: 'Send an e-mail to',
  notifyHint:
    'Optional. The e-mail contains a small preview and the link. Without an address, no e-mail is sent.',
  onlyDomains: 'Only addresses at {domains}.',
  /** For an address at a domain to which no e-mail is sent. */
  notAllowed:
    'This service does not send e-mail to that address. Use another one, or leave the field empty.',
  tooMany: 'Too many files or e-mails within one hour. Try again in {time}.',
  /** For a request from another site's page. */
  otherSite:
    'The request came from another site and was refused. Open this page directly and try again.',
  convert: 'Convert',
  needsFile: 'Choose a file first.',
  yours: 'Your conversions',
  none: 'Your conversions appear here.',
  downloadAll: 'Download all (ZIP)',
  download: 'Download',
  remove: 'Delete',
  removeLong: 'Delete now',
  deleted: 'Deleted. You can undo this for {time}.',
  undo: 'Undo',
  again: 'Convert another file',
  stages: {
    uploading: 'Uploading',
    unreachable: 'Waiting: the converter does not answer',
    busy: 'Waiting: the converter is busy',
    waiting: 'Waiting',
    converting: 'Converting',
    saving: 'Saving',
  },
  failed: 'Not converted.',
  ready: 'ready',
  saved: '{percent} smaller',
  larger: '{percent} larger',
  stripped: 'Removed: {what}.',
  strippedWords: removedParts,
  expires: 'Will be deleted on {time}.',
  mailTitle: 'E-mail',
  /** The state of the e-mail to `{address}`. */
  mail: {
    waiting: 'E-mail to {address}: waiting to be sent',
    sending: 'E-mail to {address}: being sent',
    sent: 'E-mail sent to {address}',
    failed: 'E-mail to {address}: not delivered',
    uncertain: 'E-mail to {address}: delivery not confirmed',
  },
  mailReply: 'Reply of the mail server: {reply}',
  mailReason: 'Reason: {reply}',
  mailDelayed: 'The service cannot send e-mail at the moment. It will retry automatically.',
  run: 'Converted together',
  pixels: '{width} × {height} px',
  pageCount: '{pages} pages',
  back: 'Back to the start page',
  gone: 'Not found',
  goneHint: 'The link has expired, or the conversion was deleted.',
  wrong: 'Something went wrong.',
  converterAway: 'The converter cannot be reached at the moment. This page retries automatically.',
  /** No converter has been reached yet. */
  converterAbsent: 'The converter is still starting. You can convert as soon as it is ready.',
  errors,
  /** Texts of the page's scripts. */
  live: {
    before: 'Before',
    after: 'After',
    about: 'about {size}',
    comparing: 'Converting a small copy …',
    noPreview: 'No preview for this file.',
    estimate: 'takes about {time}',
    takeOut: 'Remove {name}',
    preview: 'Preview',
    dropped: 'Files chosen: {count}',
    lost: 'The connection was lost. Send the file again.',
    cancel: 'Cancel',
    tooLarge: 'Too large: the limit is {size}.',
    leftOut: 'Skipped, because not supported or not readable: {count}',
    onlyFirst: 'Only the first {count} files were added.',
    one: 'Convert 1 file',
    many: 'Convert {count} files',
  },
}

/** The same texts in another language. */
export type Words = typeof en
