/**
 * A real control plane: etcd, kube-apiserver and kube-controller-manager from one folder of programs.
 *
 * Promises: it resolves when the API server is ready and the controllers work; when a program fails,
 * the error shows what it wrote last; nothing is left when it fails, or after `stop()`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeScratch, removeScratch } from '../scratch.ts';
import type { Credentials, Target } from '../target.ts';
import { Authority, serviceAccountKeys } from './certificates.ts';
import { apiServerFlags, controllerManagerFlags, etcdFlags, filesOf, type Plan } from './flags.ts';
import { Program } from './program.ts';

const READY_MS = 90_000;

export interface ControlPlaneOptions {
  /** Folder with `etcd`, `kube-apiserver` and `kube-controller-manager`. */
  readonly assets: string;
  readonly name: string;
  /** Where it listens. @default 127.0.0.1 */
  readonly host?: string;
  /** CIDR of Service addresses. @default 10.96.0.0/16 */
  readonly serviceRange?: string;
  /** Told before each program is started. */
  onProgress?(text: string): void;
}

/** A control plane that runs. */
export interface ControlPlane extends Target {
  /** Folder of everything it wrote; gone after `stop()`. */
  readonly directory: string;
}

/** Starts one. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { assets, name, host = '127.0.0.1', serviceRange = '10.96.0.0/16' } = options;
  const directory = makeScratch(`isthmus-control-plane-${name}-`);
  const [etcd = 0, etcdPeer = 0, apiServer = 0, controllerManager = 0] = await freePorts(4, host);
  const plan: Plan = {
    name,
    directory,
    host,
    ports: { etcd, etcdPeer, apiServer, controllerManager },
    serviceRange,
    // An address of documentation (RFC 5737): nobody dials it, and the server refuses loopback here.
    advertise: '192.0.2.10',
  };
  const admin = writeFiles(plan);
  const programs: Program[] = [];
  const start = (program: string, flags: string[]) => {
    options.onProgress?.(`starting ${program} of ${name} …`);
    const started = new Program(join(assets, program), flags, join(directory, `${program}.log`));
    programs.push(started);
    return started;
  };
  const stop = async () => {
    // The last first: nobody complains about those who went before.
    for (const program of programs.toReversed()) await program.stop();
    removeScratch(directory);
  };
  const files = filesOf(directory);
  const server = `https://${host}:${apiServer}`;
  const ca = admin.ca;
  const asks = (url: string) => answers(url, ca, admin.credentials);
  try {
    const store = start('etcd', etcdFlags(plan, knowsNoSync(join(assets, 'etcd'))));
    await store.ready(async () => (await fetch(`http://${host}:${etcd}/health`)).ok, READY_MS);
    const api = start('kube-apiserver', apiServerFlags(plan));
    await api.ready(() => asks(`${server}/readyz`), READY_MS);
    const manager = start('kube-controller-manager', controllerManagerFlags(plan));
    const healthz = `https://${host}:${controllerManager}/healthz`;
    await manager.ready(() => asks(healthz), READY_MS);
    const account = `${server}/api/v1/namespaces/default/serviceaccounts/default`;
    await manager.ready(() => asks(account), READY_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    directory,
    server,
    ca,
    admin: admin.credentials,
    kubeconfig: files.adminKubeconfig,
    exemptions: [],
    // The server does it by itself, every twenty seconds.
    compact: () => Promise.resolve(),
    stop,
  };
}

function writeFiles(plan: Plan): { readonly ca: string; readonly credentials: Credentials } {
  const { directory, host, name, ports, serviceRange, advertise } = plan;
  const files = filesOf(directory);
  const write = (path: string, text: string) => writeFileSync(path, text, { mode: 0o600 });
  mkdirSync(files.generated);
  const authority = new Authority(Date.now());
  const first = serviceRange.replace(/\.\d+\/\d+$/, '.1');
  const hosts = [host, '127.0.0.1', 'localhost', advertise, first, ...SERVICE_NAMES];
  const serving = authority.serving([...new Set(hosts)]);
  const accounts = serviceAccountKeys();
  const admin = authority.client('contract-admin', ['system:masters']);
  const manager = authority.client('system:kube-controller-manager');
  write(files.ca, authority.certificate);
  write(files.servingCertificate, serving.certificate);
  write(files.servingKey, serving.key);
  write(files.accountPublicKey, accounts.publicKey);
  write(files.accountPrivateKey, accounts.privateKey);
  const server = `https://${host}:${ports.apiServer}`;
  const config = (pair: { certificate: string; key: string }) =>
    kubeconfig(name, server, authority.certificate, pair);
  write(files.adminKubeconfig, config(admin));
  write(files.controllerKubeconfig, config(manager));
  return { ca: authority.certificate, credentials: admin };
}

const SERVICE_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

function kubeconfig(
  name: string,
  server: string,
  ca: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
): string {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server, 'certificate-authority-data': encode(ca) } }],
      users: [
        {
          name,
          user: { 'client-certificate-data': encode(certificate), 'client-key-data': encode(key) },
        },
      ],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    },
    null,
    2,
  )}\n`;
}

/** Whether a GET at `url` is answered with 200. */
function answers(url: string, ca: string, admin: Credentials): Promise<boolean> {
  const { certificate: cert = '', key = '' } = admin;
  return new Promise((resolve) => {
    const sent = request(url, { ca, cert, key, agent: false, timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.end();
  });
}

/** Ports nobody listens on now, all different. */
async function freePorts(count: number, host: string): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, host, () => {
            const address = server.address();
            resolve(typeof address === 'object' && address ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Data of a test need not survive a power cut; only etcd 3.5 and later can be told so. */
function knowsNoSync(etcd: string): boolean {
  try {
    const help = execFileSync(etcd, ['--help'], { encoding: 'utf8', stdio: 'pipe' });
    return help.includes('unsafe-no-fsync');
  } catch {
    // Whatever is wrong with it, the start will say.
    return false;
  }
}
