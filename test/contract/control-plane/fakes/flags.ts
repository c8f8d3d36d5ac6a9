/**
 * What the fake programs know of the real ones: their flags, and how they read them.
 *
 * The lists are parts of `kube-apiserver --help` and `kube-controller-manager --help` of Kubernetes 1.36;
 * a flag that is not there ends the program, as it ends the real one.
 */
import { readFileSync } from 'node:fs';

/** Flags of kube-apiserver 1.36 that a starter may have use for. */
export const API_SERVER_FLAGS: readonly string[] = [
  'advertise-address',
  'allow-privileged',
  'anonymous-auth',
  'api-audiences',
  'authorization-mode',
  'bind-address',
  'cert-dir',
  'client-ca-file',
  'disable-admission-plugins',
  'enable-admission-plugins',
  'endpoint-reconciler-type',
  'etcd-compaction-interval',
  'etcd-prefix',
  'etcd-servers',
  'event-ttl',
  'external-hostname',
  'feature-gates',
  'profiling',
  'runtime-config',
  'secure-port',
  'service-account-issuer',
  'service-account-jwks-uri',
  'service-account-key-file',
  'service-account-lookup',
  'service-account-signing-key-file',
  'service-cluster-ip-range',
  'service-node-port-range',
  'shutdown-delay-duration',
  'tls-cert-file',
  'tls-private-key-file',
  'v',
  'watch-cache',
];

/** Flags of kube-controller-manager 1.36 that a starter may have use for. */
export const CONTROLLER_MANAGER_FLAGS: readonly string[] = [
  'allocate-node-cidrs',
  'authentication-kubeconfig',
  'authorization-kubeconfig',
  'bind-address',
  'cert-dir',
  'client-ca-file',
  'cluster-name',
  'cluster-signing-cert-file',
  'cluster-signing-key-file',
  'controllers',
  'feature-gates',
  'kubeconfig',
  'leader-elect',
  'master',
  'node-monitor-grace-period',
  'profiling',
  'root-ca-file',
  'secure-port',
  'service-account-private-key-file',
  'service-cluster-ip-range',
  'tls-cert-file',
  'tls-private-key-file',
  'use-service-account-credentials',
  'v',
];

/** The flags of this process. Ends it, as a Go program does, when one is unknown or missing. */
export function readFlags(
  known: readonly string[],
  required: readonly string[],
): (name: string) => string {
  const values = new Map<string, string>();
  for (const argument of process.argv.slice(2)) {
    const [, name = '', value = ''] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (!known.includes(name)) refuse(`unknown flag: ${argument}`);
    values.set(name, value);
  }
  for (const name of required) if (!values.has(name)) refuse(`--${name} must be specified`);
  return (name) => values.get(name) ?? '';
}

/** The text of a file that a flag names. */
export function readNamed(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return refuse(`--${flag}: open ${path}: no such file or directory`);
  }
}

/** Says why on standard error and ends this process. */
export function refuse(why: string): never {
  process.stderr.write(`Error: ${why}\n`);
  process.exit(1);
}
