/**
 * The command lines of the three programs of a control plane, as values. pure
 *
 * Every flag is one that Kubernetes 1.30 to 1.36 and etcd 3.4 to 3.6 know; none is deprecated. Features
 * and controllers are left at their defaults, because that is what the contract is about; but for one: no kubelet
 * says that a node lives, and 50 s later its pods would be unready.
 */

/** Where everything of one control plane is. */
export interface Plan {
  /** The cluster's name. */
  readonly name: string;
  /** Folder of certificates, keys, kubeconfigs, data and logs. */
  readonly directory: string;
  /** Where the programs listen. */
  readonly host: string;
  readonly ports: {
    readonly etcd: number;
    readonly etcdPeer: number;
    readonly apiServer: number;
    readonly controllerManager: number;
  };
  /** CIDR of Service addresses. */
  readonly serviceRange: string;
  /** What the API server tells its own Service about itself; never a loopback address. */
  readonly advertise: string;
}

/** `iss` of every token, and the audience of the API server itself. */
export const ISSUER = 'https://kubernetes.default.svc';
/** How often old versions are forgotten: soon enough for a case to wait for it. */
const COMPACTION = '20s';
/** A node is believed to live for longer than any run takes. */
const NODE_SILENCE = '2h';

/** Files of a plan, by what they are. */
export function filesOf(directory: string) {
  const at = (name: string) => `${directory}/${name}`;
  return {
    ca: at('ca.crt'),
    servingCertificate: at('serving.crt'),
    servingKey: at('serving.key'),
    accountPublicKey: at('service-account.pub'),
    accountPrivateKey: at('service-account.key'),
    adminKubeconfig: at('admin.kubeconfig'),
    controllerKubeconfig: at('controller-manager.kubeconfig'),
    etcdData: at('etcd'),
    generated: at('generated'),
  };
}

/** `etcd`; `withoutSync` where the program knows `--unsafe-no-fsync` (3.5 and later). */
export function etcdFlags(plan: Plan, withoutSync: boolean): string[] {
  const client = `http://${plan.host}:${plan.ports.etcd}`;
  const peer = `http://${plan.host}:${plan.ports.etcdPeer}`;
  return [
    `--name=${plan.name}`,
    `--data-dir=${filesOf(plan.directory).etcdData}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${plan.name}=${peer}`,
    ...(withoutSync ? ['--unsafe-no-fsync'] : []),
  ];
}

/** `kube-apiserver`. */
export function apiServerFlags(plan: Plan): string[] {
  const files = filesOf(plan.directory);
  return [
    `--etcd-servers=http://${plan.host}:${plan.ports.etcd}`,
    `--etcd-compaction-interval=${COMPACTION}`,
    `--bind-address=${plan.host}`,
    `--secure-port=${plan.ports.apiServer}`,
    `--advertise-address=${plan.advertise}`,
    `--cert-dir=${files.generated}`,
    `--tls-cert-file=${files.servingCertificate}`,
    `--tls-private-key-file=${files.servingKey}`,
    `--client-ca-file=${files.ca}`,
    '--authorization-mode=RBAC',
    `--service-cluster-ip-range=${plan.serviceRange}`,
    `--service-account-issuer=${ISSUER}`,
    `--service-account-key-file=${files.accountPublicKey}`,
    `--service-account-signing-key-file=${files.accountPrivateKey}`,
  ];
}

/** `kube-controller-manager`. */
export function controllerManagerFlags(plan: Plan): string[] {
  const files = filesOf(plan.directory);
  return [
    `--kubeconfig=${files.controllerKubeconfig}`,
    `--cluster-name=${plan.name}`,
    `--bind-address=${plan.host}`,
    `--secure-port=${plan.ports.controllerManager}`,
    `--cert-dir=${files.generated}`,
    `--tls-cert-file=${files.servingCertificate}`,
    `--tls-private-key-file=${files.servingKey}`,
    `--root-ca-file=${files.ca}`,
    `--service-account-private-key-file=${files.accountPrivateKey}`,
    '--use-service-account-credentials=true',
    `--node-monitor-grace-period=${NODE_SILENCE}`,
    '--leader-elect=false',
  ];
}
