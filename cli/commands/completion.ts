/**
 * `isthmus completion SHELL`: completion of commands, options and their values, made from the commands themselves.
 */
import { Argument, Command, type Option } from 'commander';
import { allContexts } from '../contexts.ts';
import type { CommandContext } from '../io.ts';

/** What a shell asks for the contexts of the kubeconfig; for nobody else. */
const CONTEXTS_COMMAND = '__contexts';
const CONTEXTS = `$(isthmus ${CONTEXTS_COMMAND} 2>/dev/null)`;

export function completionCommand({ io }: CommandContext, program: Command): Command {
  return new Command('completion')
    .description('print shell completion')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(isthmus completion bash)
  isthmus completion fish > ~/.config/fish/completions/isthmus.fish`,
    )
    .action((shell: string) => {
      const commands = program.commands.filter((each) => each.name() !== CONTEXTS_COMMAND);
      io.out(shell === 'fish' ? fish(commands) : bash(commands, shell === 'zsh'));
    });
}

/** Prints the contexts that `--context` may name, one a line. */
export function contextsCommand({ io }: CommandContext): Command {
  return new Command(CONTEXTS_COMMAND).action(() =>
    io.out(
      allContexts(io, undefined)
        .map((each) => `${each}\n`)
        .join(''),
    ),
  );
}

/** What may stand where `of` takes a value: words, or the contexts; `undefined` where nobody knows. */
function valuesOf(of: Option | Argument): string | undefined {
  if (of.argChoices) return of.argChoices.join(' ');
  const isContext =
    of instanceof Argument ? of.name().startsWith('context') : of.long === '--context';
  return isContext ? CONTEXTS : undefined;
}

function flagsOf(option: Option): string[] {
  return [option.long, option.short].flatMap((each) => each ?? []);
}

function bash(commands: readonly Command[], zsh: boolean): string {
  const values = new Map<string, string>();
  for (const option of commands.flatMap((each) => each.options)) {
    const words = valuesOf(option);
    if (words !== undefined) values.set(flagsOf(option).join('|'), words);
  }
  const afterOption = [...values].map(([flags, words]) => `    ${flags}) words="${words}" ;;`);
  const names = commands.map((each) => each.name()).join(' ');
  const cases = commands.map((each) => {
    const options = [...each.options.flatMap((option) => option.long ?? []), '--help'].join(' ');
    const [words] = each.registeredArguments.flatMap((argument) => valuesOf(argument) ?? []);
    return `        ${each.name()}) words="${words === undefined ? options : `${words} ${options}`}" ;;`;
  });
  const preamble = zsh ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
  return `${preamble}_isthmus() {
  local at=$COMP_CWORD current=\${COMP_WORDS[COMP_CWORD]} previous words
${zsh ? '' : GLUE}  previous=\${COMP_WORDS[at-1]}
  case "$previous" in
${afterOption.join('\n')}
    *)
      case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
        *) words="${names} --help --version" ;;
      esac
      [ "$at" -eq 1 ] && words="${names} --help --version"
      ;;
  esac
${zsh ? ZSH_MATCHES : BASH_MATCHES}  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _isthmus isthmus
`;
}

/** bash ends words at colons, which names of contexts have: their parts are put together, and `at` is where they begin. */
const GLUE = `  while [[ $at -gt 1 && ( \${COMP_WORDS[at]} == :* || \${COMP_WORDS[at-1]} == *: ) ]]; do
    at=$((at-1)) current=\${COMP_WORDS[at]}$current
  done
`;
/** What `compgen -W` would do, which expands every word: the name of a context could run a command. */
const BASH_MATCHES = `  local all word behind=
  [[ $COMP_WORDBREAKS == *:* ]] && behind=\${current%"\${current##*:}"}
  read -r -a all <<< "\${words//$'\\n'/ }"
  COMPREPLY=()
  for word in "\${all[@]}"; do
    [[ $word == "$current"* ]] && COMPREPLY+=("\${word#"$behind"}")
  done
`;
const ZSH_MATCHES = `  COMPREPLY=($(compgen -W "$words" -- "$current"))
`;

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const here = `complete -c isthmus -n '__fish_seen_subcommand_from ${command.name()}'`;
    return [
      `complete -c isthmus -n __fish_use_subcommand -a ${command.name()} -d '${command.description()}'`,
      ...command.options.map((option) => {
        const words = valuesOf(option);
        const short = option.short ? ` -s ${option.short.slice(1)}` : '';
        const value =
          words === undefined ? (option.required ? ' -r' : '') : ` -x -a '${fishWords(words)}'`;
        const description = option.description.replaceAll("'", '');
        return `${here} -l ${option.long?.slice(2)}${short}${value} -d '${description}'`;
      }),
      ...command.registeredArguments.slice(0, 1).flatMap((argument) => {
        const words = valuesOf(argument);
        return words === undefined ? [] : [`${here} -f -a '${fishWords(words)}'`];
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}

/** Command substitution as fish writes it. */
function fishWords(words: string): string {
  return words.startsWith('$(') ? words.slice(1) : words;
}
