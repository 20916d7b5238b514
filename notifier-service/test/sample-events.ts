import { eventTypes, type FileConverted, type HeraldEvent } from '@herald/proto/events'

/** An image of one pixel. */
export const tinyPng = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

export function fileConverted(changes: Partial<FileConverted> = {}): HeraldEvent {
  return {
    type: eventTypes.fileConverted,
    data: {
      conversionId: '01890a5d-ac96-774b-bcce-b302099a8057',
      runId: '01890a5d-ac96-774b-bcce-b302099a8058',
      source: {
        name: 'harbour.jpg',
        mediaType: 'image/jpeg',
        sizeBytes: 1_230_456,
        sha256: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
        width: 4032,
        height: 3024,
        pages: 1,
      },
      renditions: [
        {
          name: 'harbour.webp',
          mediaType: 'image/webp',
          sizeBytes: 184_320,
          sha256: 'fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9',
          width: 1600,
          height: 1200,
          pages: 1,
          path: '/home/ada/pictures/harbour.webp',
        },
      ],
      stripped: ['exif', 'gps'],
      queueMs: 3,
      conversionMs: 412,
      startedAtUnixMs: Date.UTC(2026, 2, 14, 9, 5, 6),
      finishedAtUnixMs: Date.UTC(2026, 2, 14, 9, 5, 7),
      recipient: { address: 'ada@example.com', language: 'en' },
      preview: { mediaType: 'image/png', data: tinyPng, width: 1, height: 1 },
      host: 'workshop',
      // The only event of its run: mailed at once.
      runSize: 1,
      ...changes,
    },
  }
}
