import type { ReceivedProgress } from '@herald/proto/converter'
import type { Terminal } from '@herald/runtime/terminal'
import { shown } from '@herald/runtime/terminal-text'
import type { ConvertJob } from './convert-job.js'

/** The line that says what goes on, for whoever looks at a terminal. */
export function showProgress(terminal: Terminal, jobs: readonly ConvertJob[]) {
  let finished = 0
  let last = ''
  const show = (job: ConvertJob, doing: string) => {
    const count = jobs.length > 1 ? `[${finished + 1}/${jobs.length}] ` : ''
    const line = `${count}${shown(job.given)}  ${doing}`
    if (line !== last) terminal.status(line)
    last = line
  }
  return {
    progress(job: ConvertJob, { stage, receivedBytes, renditionsDone }: ReceivedProgress) {
      const size = job.input?.sizeBytes ?? 0
      if (stage === 'STAGE_UPLOADING' && size > 0) {
        show(job, `uploading ${Math.min(100, Math.floor((receivedBytes / size) * 100))} %`)
      } else if (stage === 'STAGE_QUEUED') show(job, 'waiting for a free worker')
      else if (stage === 'STAGE_CONVERTING') {
        const of = job.renditions.length
        show(job, of > 1 ? `converting, ${renditionsDone} of ${of} done` : 'converting')
      }
    },
    finished(_job: ConvertJob) {
      finished = Math.min(finished + 1, jobs.length - 1)
    },
    end() {
      terminal.status('')
    },
  }
}
