/**
 * Credentials from a program: `users[].user.exec` of a kubeconfig (client.authentication.k8s.io, KEP-541).
 *
 * @kubernetes/client-node runs such programs without saying for which cluster, waits for ever, uses a token to its
 * last second and keeps one that was refused; so it is done here. Promises: one run at a time; what it gave is
 * used until {@link EXPIRY_SLACK_MS} before it expires, or until it is refused; a run is ended after
 * {@link EXEC_TIMEOUT_MS}; whatever goes wrong names the program.
 */
import { spawn } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { ClientCertificate, HeaderSource } from './credentials.ts';
import { list, optionalBoolean, optionalObject, optionalString, raw, string } from './parse.ts';

/** A run may take this long. */
export const EXEC_TIMEOUT_MS = 30_000;
/** A credential is renewed this long before it expires. */
export const EXPIRY_SLACK_MS = 60_000;
const OUTPUT_BYTES_MAX = 1_024 * 1_024;
const VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/** The cluster a program is asked about, as `spec.cluster` of an ExecCredential says it. */
export interface ExecCluster {
  readonly server: string;
  readonly 'tls-server-name'?: string | undefined;
  readonly 'insecure-skip-tls-verify'?: boolean | undefined;
  readonly 'certificate-authority-data'?: string | undefined;
}

/** What to run, and for whom. */
export interface ExecOptions {
  /** `users[].user.exec`, not looked into yet. */
  readonly config: unknown;
  readonly cluster: ExecCluster;
  /** Where a relative path of the program begins: the kubeconfig's folder. */
  readonly directory: string;
  /** The environment the program's own variables are added to. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

interface Credential {
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: ClientCertificate | undefined;
  /** Wall clock; absent: for the life of this process. */
  readonly expiresMs: number | undefined;
}

interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly provideClusterInfo: boolean;
  readonly installHint: string;
}

/** See the file header. Throws `INVALID_CONFIG` when the configuration is wrong. */
export function execPlugin(options: ExecOptions): HeaderSource {
  const config = readConfig(options.config);
  let current: Credential | undefined;
  let running: Promise<Credential> | undefined;
  const load = async () => {
    try {
      current = await run(config, options);
      return current;
    } finally {
      running = undefined;
    }
  };
  return {
    async headers(fresh) {
      const expiresMs = current?.expiresMs ?? Number.POSITIVE_INFINITY;
      const isOld = options.clock.wallMs() >= expiresMs - EXPIRY_SLACK_MS;
      if (fresh || isOld) current = undefined;
      if (current !== undefined) return current.headers;
      running ??= load();
      return (await running).headers;
    },
    certificate: () => current?.certificate,
  };
}

function readConfig(value: unknown): ExecConfig {
  try {
    const exec = raw(value);
    const apiVersion = string(exec, 'apiVersion');
    if (!VERSIONS.includes(apiVersion)) {
      throw new Error(`apiVersion: is "${apiVersion}", known are ${VERSIONS.join(', ')}`);
    }
    if (optionalString(exec, 'interactiveMode') === 'Always') {
      throw new Error('interactiveMode: is Always, but nobody is there to be asked');
    }
    const env = list(exec, 'env', raw).map((each) => [string(each, 'name'), string(each, 'value')]);
    return {
      apiVersion,
      command: string(exec, 'command'),
      args: list(exec, 'args', String),
      env: Object.fromEntries(env),
      provideClusterInfo: optionalBoolean(exec, 'provideClusterInfo') ?? false,
      installHint: optionalString(exec, 'installHint') ?? '',
    };
  } catch (error) {
    throw failure(`users[].user.exec.${describeError(error)}`);
  }
}

async function run(config: ExecConfig, options: ExecOptions): Promise<Credential> {
  const { cluster, env, directory } = options;
  const info = {
    apiVersion: config.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(config.provideClusterInfo ? { cluster } : {}) },
  };
  const hasFolder = config.command.includes('/') && !isAbsolute(config.command);
  const command = hasFolder ? join(directory, config.command) : config.command;
  const output = await outputOf(command, config, options, {
    ...env,
    ...config.env,
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  });
  try {
    return readCredential(config, JSON.parse(output));
  } catch (error) {
    throw failure(`${config.command} gave no ExecCredential: ${describeError(error)}`, error);
  }
}

function readCredential(config: ExecConfig, value: unknown): Credential {
  const answer = raw(value);
  const version = string(answer, 'apiVersion');
  if (version !== config.apiVersion) throw new Error(`apiVersion: ${version}`);
  const credential = optionalObject(answer, 'status', (status) => {
    const token = optionalString(status, 'token');
    const cert = optionalString(status, 'clientCertificateData');
    const key = optionalString(status, 'clientKeyData');
    const expires = optionalString(status, 'expirationTimestamp');
    if ((cert === undefined) !== (key === undefined)) {
      throw new Error('clientCertificateData and clientKeyData come together');
    }
    if (token === undefined && cert === undefined) throw new Error('neither token nor certificate');
    const expiresMs = expires === undefined ? undefined : Date.parse(expires);
    if (Number.isNaN(expiresMs)) throw new Error(`expirationTimestamp: "${expires}" is no time`);
    return {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      certificate: cert === undefined || key === undefined ? undefined : { cert, key },
      expiresMs,
    };
  });
  if (credential === undefined) throw new Error('status: is missing');
  return credential as Credential;
}

function outputOf(
  command: string,
  config: ExecConfig,
  options: ExecOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { clock, timeoutMs = EXEC_TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...config.args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let bytes = 0;
    let said = '';
    const fail = (why: string, cause?: unknown) => {
      timer.cancel();
      child.kill('SIGKILL');
      reject(failure(`${config.command} ${why}`, cause));
    };
    const timer = clock.after(timeoutMs, () => fail(`gave nothing within ${timeoutMs} ms`));
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > OUTPUT_BYTES_MAX) fail(`gave more than ${OUTPUT_BYTES_MAX} bytes`);
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-500);
    });
    child.on('error', (error) => {
      const hint = config.installHint === '' ? '' : `. ${config.installHint}`;
      fail(`cannot be run: ${describeError(error)}${hint}`, error);
    });
    child.on('close', (code, signal) => {
      timer.cancel();
      if (code === 0) resolve(Buffer.concat(out).toString());
      else fail(`ended with ${code ?? signal}: ${said.trim()}`);
    });
  });
}

function failure(what: string, cause?: unknown): IsthmusError {
  const message = `the credentials of the kubeconfig cannot be used: ${what}`;
  return new IsthmusError('INVALID_CONFIG', message, { field: 'users[].user.exec', cause });
}
