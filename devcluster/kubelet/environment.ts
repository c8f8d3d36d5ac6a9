/**
 * The environment and the program of a container, from its pod. pure
 *
 * The same manifests run in a real cluster, so everything a container asks for in its spec is
 * answered here as a kubelet would, and what the image provides is answered by this package.
 */
import { IsthmusError } from '#core/errors.ts';
import type { ConfigMapLookup, Container, NodePod } from './pod.ts';

/** The variables that `container` of `pod` asks for. Throws `INVALID_CONFIG` naming the one at fault. */
export function environmentOf(
  pod: NodePod,
  container: Container,
  lookup: ConfigMapLookup,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env) {
    const reference = valueFrom?.configMapKeyRef;
    if (valueFrom?.fieldRef) {
      env[name] = fieldOf(pod, valueFrom.fieldRef.fieldPath, name);
    } else if (reference) {
      const found = lookup(pod.metadata.namespace, reference.name)?.data?.[reference.key];
      if (found !== undefined) env[name] = found;
      else if (!reference.optional) {
        const message = `ConfigMap ${reference.name} has no key ${reference.key} for ${name}`;
        throw new IsthmusError('INVALID_CONFIG', message, { field: name });
      }
    } else {
      // Kubernetes expands $(NAME) of variables named earlier in the list.
      env[name] = (value ?? '').replace(/\$\(([A-Za-z0-9_.-]+)\)/g, (all, key) => env[key] ?? all);
    }
  }
  return env;
}

/** The value of a downward API field. Throws `INVALID_CONFIG` naming what asked for it. */
export function fieldOf(pod: NodePod, path: string, variable: string): string {
  const label = /^metadata\.labels\['(.+)'\]$/.exec(path)?.[1];
  if (label !== undefined) return pod.metadata.labels[label] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName;
    case 'status.podIP':
    case 'status.podIPs':
      return pod.status.podIP ?? '';
    default:
      throw new IsthmusError('INVALID_CONFIG', `Unknown field ${path} for ${variable}`, {
        field: variable,
      });
  }
}

/** What to run: a program of this package, without suffix, and its arguments. */
export interface Program {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Reads `["node", "dist/gateway/main.js", …]` (or `gateway/main.ts`) as program `gateway/main`. Throws
 * `INVALID_CONFIG` for anything else: only programs of this package run on a node of processes.
 */
export function programOf(container: Container): Program {
  const [runtime, file = '', ...args] = [...container.command, ...container.args];
  const match = /^(?:\.?\/)?(?:[\w.-]+\/)*?(?:dist\/)?([a-z][\w-]*\/[\w-]+)\.[jt]s$/.exec(file);
  const program = match?.[1];
  if (runtime !== 'node' || program === undefined) {
    const shown = [...container.command, ...container.args].join(' ');
    throw new IsthmusError('INVALID_CONFIG', `Cannot run "${shown}": expected node <room>/<file>`, {
      field: 'spec.containers[0].command',
    });
  }
  return { program, args };
}
