import type { FormatDescription } from './formats.js'

const document = {
  engine: 'document',
  animates: false,
  paged: true,
  alpha: false,
  deep: false,
  maxSide: 65_535,
} as const

const office = 'application/vnd.openxmlformats-officedocument'
const openDocument = 'application/vnd.oasis.opendocument'

/** What people write with office programs and editors; read by the `document` engine, never written. */
export const documentFormats: readonly FormatDescription[] = [
  {
    ...document,
    name: 'docx',
    mediaType: `${office}.wordprocessingml.document`,
    extensions: ['docx', 'docm', 'dotx'],
  },
  { ...document, name: 'doc', mediaType: 'application/msword', extensions: ['doc', 'dot'] },
  {
    ...document,
    name: 'xlsx',
    mediaType: `${office}.spreadsheetml.sheet`,
    extensions: ['xlsx', 'xlsm', 'xltx'],
  },
  { ...document, name: 'xls', mediaType: 'application/vnd.ms-excel', extensions: ['xls', 'xlt'] },
  {
    ...document,
    name: 'pptx',
    mediaType: `${office}.presentationml.presentation`,
    extensions: ['pptx', 'pptm', 'ppsx'],
  },
  {
    ...document,
    name: 'ppt',
    mediaType: 'application/vnd.ms-powerpoint',
    extensions: ['ppt', 'pps'],
  },
  { ...document, name: 'odt', mediaType: `${openDocument}.text`, extensions: ['odt', 'ott'] },
  {
    ...document,
    name: 'ods',
    mediaType: `${openDocument}.spreadsheet`,
    extensions: ['ods', 'ots'],
  },
  {
    ...document,
    name: 'odp',
    mediaType: `${openDocument}.presentation`,
    extensions: ['odp', 'otp'],
  },
  { ...document, name: 'rtf', mediaType: 'application/rtf', extensions: ['rtf'] },
  { ...document, name: 'html', mediaType: 'text/html', extensions: ['html', 'htm', 'xhtml'] },
  {
    ...document,
    name: 'markdown',
    mediaType: 'text/markdown',
    extensions: ['md', 'markdown', 'mdown'],
  },
  { ...document, name: 'csv', mediaType: 'text/csv', extensions: ['csv', 'tsv'] },
  { ...document, name: 'text', mediaType: 'text/plain', extensions: ['txt', 'text', 'log'] },
]
