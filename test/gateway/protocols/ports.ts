/**
 * The Services of the suite: which pods stand behind which port, and what its appProtocol says.
 *
 * Each is a Service of its own, so that the failures one case provokes are not held against the
 * endpoints of another.
 */
export type PodName =
  | ('http1' | 'http1-b' | 'h2c' | 'h2c-b' | 'websocket' | 'grpc')
  | ('tcp' | 'banner' | 'tls' | 'legacy' | 'refused');

export interface Port {
  readonly pods: readonly [PodName, ...PodName[]];
  readonly appProtocol: string | undefined;
}

/** `-auto` is a port without appProtocol: the client's first bytes decide. */
export const PORTS = {
  http1: { pods: ['http1'], appProtocol: 'http' },
  'http1-auto': { pods: ['http1'], appProtocol: undefined },
  h2c: { pods: ['h2c'], appProtocol: 'kubernetes.io/h2c' },
  'h2c-auto': { pods: ['h2c'], appProtocol: undefined },
  ws: { pods: ['websocket'], appProtocol: 'kubernetes.io/ws' },
  'ws-auto': { pods: ['websocket'], appProtocol: undefined },
  grpc: { pods: ['grpc'], appProtocol: 'grpc' },
  'grpc-auto': { pods: ['grpc'], appProtocol: undefined },
  legacy: { pods: ['legacy'], appProtocol: 'http' },
  'balanced-http1': { pods: ['http1', 'http1-b'], appProtocol: 'http' },
  'balanced-h2c': { pods: ['h2c', 'h2c-b'], appProtocol: 'kubernetes.io/h2c' },
  'balanced-auto': { pods: ['h2c', 'h2c-b'], appProtocol: undefined },
  tcp: { pods: ['tcp'], appProtocol: 'tcp' },
  'tcp-auto': { pods: ['tcp'], appProtocol: undefined },
  banner: { pods: ['banner'], appProtocol: 'tcp' },
  'banner-auto': { pods: ['banner'], appProtocol: undefined },
  'tls-auto': { pods: ['tls'], appProtocol: undefined },
  tls: { pods: ['tls'], appProtocol: 'https' },
  refused: { pods: ['refused'], appProtocol: 'tcp' },
  'refused-auto': { pods: ['refused'], appProtocol: undefined },
  'refused-http': { pods: ['refused'], appProtocol: 'http' },
} as const satisfies Record<string, Port>;

export type PortName = keyof typeof PORTS;

/** Every port, with its number in the Service. */
export const allPorts: readonly { readonly name: PortName; readonly port: Port }[] = Object.entries(
  PORTS,
).map(([name, port]) => ({ name: name as PortName, port }));

/** The HTTP version `pod` speaks. */
export function versionOf(pod: PodName): '1.1' | '2.0' {
  return pod.startsWith('h2c') || pod === 'grpc' ? '2.0' : '1.1';
}
