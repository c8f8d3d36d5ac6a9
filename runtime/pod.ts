/**
 * Where a pod of ours finds what Kubernetes gave it: the API server, identity, tokens, the trust bundle.
 */
import { IDENTITY_PORT, IDENTITY_SERVICE, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Address } from '#core/network.ts';
import type { ComponentContext } from './component.ts';
import type { EnvironmentReader } from './environment.ts';

const PORTS = { min: 1, max: 65_535 };

/** The API server as a pod sees it. */
export interface ApiServerSettings {
  readonly host: string;
  readonly port: number;
  /** The folder that holds `token` and `ca.crt`. */
  readonly serviceAccountFolder: string;
}

/** Read from `KUBERNETES_SERVICE_HOST` and `_PORT`; problems are reported by the reader's `check()`. */
export function apiServerSettings(
  reader: EnvironmentReader,
  context: ComponentContext,
): ApiServerSettings {
  return {
    host: reader.text('KUBERNETES_SERVICE_HOST'),
    port: reader.integer('KUBERNETES_SERVICE_PORT', PORTS, 443),
    serviceAccountFolder: context.rootPath('/var/run/secrets/kubernetes.io/serviceaccount'),
  };
}

/** What a workload needs to get its certificate. */
export interface IdentitySettings {
  readonly identityAddress: Address;
  /** Projected token, audience `identity.isthmus.dev`. */
  readonly tokenFile: string;
  readonly bundleFile: string;
}

/** Read from `ISTHMUS_IDENTITY_ADDRESS`, by default the Service of identity in this cluster. */
export function identitySettings(
  reader: EnvironmentReader,
  context: ComponentContext,
): IdentitySettings {
  const host = `${IDENTITY_SERVICE}.${SYSTEM_NAMESPACE}.svc`;
  return {
    identityAddress: reader.address('ISTHMUS_IDENTITY_ADDRESS', { host, port: IDENTITY_PORT }),
    tokenFile: context.rootPath('/var/run/secrets/isthmus/token'),
    bundleFile: context.rootPath('/var/run/isthmus/trust/ca.crt'),
  };
}
