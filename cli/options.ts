/**
 * Options that several commands share, so that they mean the same everywhere.
 */
import { InvalidArgumentError, Option } from 'commander';
import type { OutputFormat } from './io.ts';

const TIMEOUT_SECONDS_MAX = 3_600;

/** `-o, --output text|json|yaml`. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print')
    .choices(['text', 'json', 'yaml'] satisfies OutputFormat[])
    .default('text');
}

/** `--kubeconfig FILE`. */
export function kubeconfigOption(): Option {
  return new Option(
    '--kubeconfig <file>',
    'kubeconfig with the contexts (default: $KUBECONFIG, .isthmus/kubeconfig, ~/.kube/config)',
  );
}

/** `--timeout SECONDS`. */
export function timeoutOption(defaultSeconds: number): Option {
  return new Option('--timeout <seconds>', 'how long to wait')
    .default(defaultSeconds)
    .argParser((text) => {
      const value = Number(text);
      if (value >= 1 && value <= TIMEOUT_SECONDS_MAX) return value;
      throw new InvalidArgumentError(
        `expected a number of seconds from 1 to ${TIMEOUT_SECONDS_MAX}.`,
      );
    });
}
