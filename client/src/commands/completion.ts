import { flagOf, optionRows } from '@herald/proto/rendition-options'
import { targetNames } from '@herald/proto/target-formats'
import type { Command } from '@herald/runtime/command-line'

/** The supported shells. */
const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** The values of options with a fixed set of them. */
const values: Readonly<Record<string, readonly string[]>> = Object.fromEntries([
  ['--to', targetNames],
  ...optionRows
    .filter(([, { type }]) => type.choices.length > 0)
    .map(([name, { type }]) => [`--${flagOf(name)}`, type.choices]),
])

interface Word {
  readonly name: string
  readonly about: string
  readonly options: readonly { readonly flag: string; readonly about: string }[]
}

/** A script for that shell which completes the commands of `program` and their options. */
export function completionScript(program: Command, shell: Shell): string {
  const words = program.commands.map(
    (command): Word => ({
      name: command.name(),
      about: command.description(),
      options: command.options.flatMap(({ long, description }) =>
        long ? [{ flag: long, about: description }] : [],
      ),
    }),
  )
  if (shell === 'fish') return fishScript(words)
  // zsh can run completion scripts for bash.
  const before = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''
  return before + bashScript(words)
}

function bashScript(words: readonly Word[]): string {
  const names = words.map(({ name }) => name)
  const afterOption = Object.entries(values).map(
    ([flag, those]) =>
      `    ${flag}) COMPREPLY=($(compgen -W "${those.join(' ')}" -- "$cur")); return ;;`,
  )
  const ofCommand = words.map(
    ({ name, options }) =>
      `    ${name}) flags="${options.map(({ flag }) => flag).join(' ')} --help" ;;`,
  )
  return `_herald() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" flags=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names.join(' ')} --help --version" -- "$cur")); return
  fi
  case "$prev" in
${afterOption.join('\n')}
  esac
  case "\${COMP_WORDS[1]}" in
${ofCommand.join('\n')}
  esac
  case "$cur" in -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;; esac
}
complete -o default -F _herald herald`
}

function fishScript(words: readonly Word[]): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`
  const lines = words.flatMap(({ name, about, options }) => [
    `complete -c herald -n __fish_use_subcommand -f -a ${name} -d ${quoted(about)}`,
    ...options.map(({ flag, about: does }) => {
      const those = values[flag] ? ` -x -a ${quoted(values[flag].join(' '))}` : ''
      const when = `"__fish_seen_subcommand_from ${name}"`
      return `complete -c herald -n ${when} -l ${flag.slice(2)}${those} -d ${quoted(does)}`
    }),
  ])
  return lines.join('\n')
}
