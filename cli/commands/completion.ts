/**
 * `isthmus completion SHELL`: completion of commands and options, made from the commands themselves.
 */
import { Argument, Command } from 'commander';
import type { CommandContext } from '../io.ts';

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
    .action((shell: string) =>
      io.out(shell === 'fish' ? fish(program) : bash(program, shell === 'zsh')),
    );
}

function wordsOf(command: Command): string {
  return command.options
    .flatMap((each) => each.long ?? [])
    .concat('--help')
    .join(' ');
}

function bash(program: Command, zsh: boolean): string {
  const cases = program.commands
    .map((each) => `    ${each.name()}) words="${wordsOf(each)}" ;;`)
    .join('\n');
  const names = program.commands.map((each) => each.name()).join(' ');
  const preamble = zsh ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
  return `${preamble}_isthmus() {
  local current=\${COMP_WORDS[COMP_CWORD]} words
  case "\${COMP_WORDS[1]}" in
${cases}
    *) words="${names} --help --version" ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${names} --help --version"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _isthmus isthmus
`;
}

function fish(program: Command): string {
  const lines = program.commands.flatMap((each) => [
    `complete -c isthmus -n __fish_use_subcommand -a ${each.name()} -d '${each.description()}'`,
    ...each.options.map(
      (option) =>
        `complete -c isthmus -n '__fish_seen_subcommand_from ${each.name()}' -l ${option.long?.slice(2)} -d '${option.description.replaceAll("'", '')}'`,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}
