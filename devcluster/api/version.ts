/**
 * The Kubernetes version that the server says it is. pure
 *
 * Clients choose their behaviour by it: kubectl warns of a skew of more than one minor version, and dispatchers pick the
 * kubectl to run.
 */
import { IsthmusError } from '#core/errors.ts';

/** The answer of `/version`. */
export interface ServerVersion {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/** The newest minor version of which kubectl is tested against this server. */
export const DEFAULT_VERSION = '1.33';
/** Before 1.27 clients expect APIs that are not served here. */
const MINOR_MIN = 27;
const MINOR_MAX = 99;

/** The version `version`, such as `1.36` or `v1.36.0`. Throws `INVALID_CONFIG`. */
export function serverVersion(version: string = DEFAULT_VERSION): ServerVersion {
  const [, minor, patch = '0'] = /^v?1\.(\d{1,2})(?:\.(\d{1,3}))?$/.exec(version) ?? [];
  const number = Number(minor ?? Number.NaN);
  if (!(number >= MINOR_MIN && number <= MINOR_MAX)) {
    throw new IsthmusError(
      'INVALID_CONFIG',
      `"${version}" is no version to serve: expected 1.${MINOR_MIN} to 1.${MINOR_MAX}`,
      { field: 'ISTHMUS_KUBERNETES_VERSION' },
    );
  }
  return {
    major: '1',
    minor: String(number),
    gitVersion: `v1.${number}.${patch}+isthmus`,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2025-04-23T00:00:00Z',
    goVersion: 'none',
    compiler: 'node',
    platform: 'linux/amd64',
  };
}
