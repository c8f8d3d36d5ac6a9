/**
 * A gateway of real processes for a test: an identity to give its workers certificates, a folder with
 * what a pod would find mounted, and the process that looks after the workers.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { trustDomainOf } from '#core/id.ts';
import { silentLogger } from '#core/log.ts';
import { GATEWAY_ACCOUNT, IDENTITY_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import { emptySnapshot, type Peer, type Snapshot } from '#gateway/snapshot/types.ts';
import { IDENTITY_DNS_NAME } from '#identity/client.ts';
import { createSigningServer } from '#identity/server.ts';
import { createSigning, ownCredentials } from '#identity/signing.ts';
import { packageRoot } from '#runtime/package.ts';
import { createAuthority, systemId, type TestAuthority } from '#test/identity/authority-fixture.ts';
import { freshHost, until } from '../world.ts';
import type { FromStation, ToStation } from './program.ts';

const PROGRAM = join(packageRoot(), 'test/gateway/workers/program.ts');

export interface Station {
  readonly name: string;
  readonly host: string;
  readonly authority: TestAuthority;
  readonly process: ChildProcess;
  /** Variables of a gateway of this cluster. */
  readonly environment: Readonly<Record<string, string>>;
  /** Certificates asked for so far. */
  readonly signed: number;
  /** Whether identity refuses everybody. */
  refusing: boolean;
  /** What the gateways have logged. */
  readonly log: string;
  snapshot: Snapshot;
  set(change: Partial<Snapshot>): void;
  ask(question: 'pids'): Promise<number[]>;
  ask(question: 'missing'): Promise<string[]>;
  ask(question: 'metrics'): Promise<string>;
  ask(question: 'links' | 'balancer'): Promise<unknown[]>;
  /** Waits until every worker is ready. */
  ready(): Promise<void>;
  /** Ends the process of the worker at `index` with `signal`; resolves when another has its place. */
  replace(index: number, signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a gateway of `workers` workers, unlinked; its processes have `more` in their environment. */
export async function startStation(
  name: string,
  workers: number,
  more: Readonly<Record<string, string>> = {},
): Promise<Station> {
  const host = freshHost();
  const authority = createAuthority(name);
  const root = mkdtempSync(join(tmpdir(), `isthmus-${name}-`));
  place(root, '/var/run/secrets/isthmus/token', 'token');
  place(root, '/var/run/secrets/kubernetes.io/serviceaccount/token', 'token');
  place(root, '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt', authority.trustBundle);
  place(root, '/var/run/isthmus/trust/ca.crt', authority.trustBundle);
  const identity = createIdentity(
    name,
    authority,
    () => station.refusing,
    () => {
      signed += 1;
    },
  );
  await new Promise<void>((resolve) => identity.listen(0, '127.0.0.1', resolve));
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const own = {
    ISTHMUS_CLUSTER: name,
    ISTHMUS_POD_IP: host,
    ISTHMUS_POD_NAME: `${name}-0`,
    ISTHMUS_ROOT: root,
    ISTHMUS_LOG_LEVEL: 'warn',
    ISTHMUS_IDENTITY_ADDRESS: `127.0.0.1:${(identity.address() as AddressInfo).port}`,
  };
  const child = fork(PROGRAM, {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...environment,
      ...own,
      TEST_WORKERS: String(workers),
      ...more,
    },
  });
  let signed = 0;
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  const waiting = new Map<number, (value: unknown) => void>();
  child.on('message', ({ id, value }: FromStation) => {
    waiting.get(id)?.(value);
    waiting.delete(id);
  });
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let lastId = 0;
  const station: Station = {
    name,
    host,
    authority,
    process: child,
    environment: own,
    refusing: false,
    snapshot: { ...emptySnapshot, replicas: [`${name}-0`] },
    get signed() {
      return signed;
    },
    get log() {
      return log;
    },
    set(change) {
      station.snapshot = { ...station.snapshot, ...change };
      child.send({ kind: 'snapshot', snapshot: station.snapshot } satisfies ToStation);
    },
    ask(question) {
      lastId += 1;
      const id = lastId;
      // biome-ignore lint/suspicious/noExplicitAny: the overloads say what is answered to what.
      return new Promise<any>((resolve) => {
        waiting.set(id, resolve);
        child.send({ kind: 'ask', id, question } satisfies ToStation);
      });
    },
    async ready() {
      await until(
        `${name} is ready`,
        async () => (await station.ask('missing')).length === 0,
        15_000,
      );
    },
    async replace(index, signal) {
      const before = (await station.ask('pids'))[index];
      if (before === undefined) throw new Error(`${name} has no worker ${index}`);
      process.kill(before, signal);
      await until(
        `another worker ${index} of ${name}`,
        async () =>
          !(await station.ask('pids')).includes(before) &&
          (await station.ask('missing')).length === 0,
        15_000,
      );
    },
    async stop() {
      if (child.connected) child.send({ kind: 'stop', graceMs: 0 } satisfies ToStation);
      await exit;
      identity.close();
      identity.closeAllConnections();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return station;
}

/** The Link of `to` in another cluster. */
export function peerOfStation(to: Station, change: Partial<Peer> = {}): Peer {
  return {
    linkName: to.name,
    clusterName: to.name,
    trustDomain: trustDomainOf(to.name),
    trust: to.name,
    trustBundle: to.authority.trustBundle,
    gateways: [{ host: to.host, port: 4143 }],
    suspended: false,
    visibleExports: new Set(['shop/backend']),
    ...change,
  };
}

function createIdentity(
  name: string,
  authority: TestAuthority,
  refuses: () => boolean,
  asked: () => void,
) {
  const sign = createSigning({
    trustDomain: trustDomainOf(name),
    clock: systemClock,
    authority: () => authority,
    review: async () => {
      if (refuses()) throw new IsthmusError('IDENTITY_REFUSED', 'nobody is known here');
      return { namespace: SYSTEM_NAMESPACE, serviceAccount: GATEWAY_ACCOUNT };
    },
  });
  const id = systemId(name, IDENTITY_ACCOUNT);
  return createSigningServer({
    credentials: ownCredentials(authority, id, [IDENTITY_DNS_NAME], systemClock.wallMs()),
    clock: systemClock,
    log: silentLogger,
    sign: (request) => {
      asked();
      return sign(request);
    },
  });
}

function place(root: string, path: string, text: string): void {
  const at = join(root, path);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, text);
}
