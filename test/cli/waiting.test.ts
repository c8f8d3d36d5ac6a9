/** Commands that wait for an API server which takes calls and never answers them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { Interruption } from '#cli/interruption.ts';
import { runProgram } from '#cli/program.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { createAuthority } from '../identity/authority-fixture.ts';
import { silentIo } from '../silent-io.ts';

/** An end within this is at once: a call that hangs is given up after ten seconds. */
const AT_ONCE_MS = 2_000;
const DRILL = resolve('manifests/drills/local-outage.yaml');

let cwd: string;
before(() => {
  cwd = mkdtempSync(join(tmpdir(), 'isthmus-waiting-'));
});
after(() => rmSync(cwd, { recursive: true, force: true }));

/** What clusters say of themselves; everything else is never answered. */
function factsOf(cluster: string): Record<string, unknown> {
  const system = '/api/v1/namespaces/isthmus-system';
  const list = { kind: 'List', metadata: { resourceVersion: '1' }, items: [] };
  const map = (data: object) => ({ metadata: { name: 'any' }, data });
  return {
    [`${system}/configmaps/isthmus-cluster`]: map({ clusterName: cluster, advertise: 'a.test:1' }),
    [`${system}/configmaps/isthmus-trust-bundle`]: map({ 'ca.crt': createAuthority(cluster).root }),
    [`${system}/services`]: list,
    '/apis/discovery.k8s.io/v1/namespaces/isthmus-system/endpointslices': list,
    '/apis/isthmus.dev/v1alpha1/namespaces/isthmus-system/links': list,
  };
}

/** The same of clusters that are linked with each other. */
function linkedFactsOf(cluster: string): Record<string, unknown> {
  const peer = cluster === 'west' ? 'east' : 'west';
  const link = {
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'Link',
    metadata: { name: peer, namespace: 'isthmus-system', uid: `uid-${peer}` },
    spec: { clusterName: peer },
  };
  const list = { kind: 'LinkList', metadata: { resourceVersion: '1' }, items: [link] };
  return {
    ...factsOf(cluster),
    '/apis/isthmus.dev/v1alpha1/namespaces/isthmus-system/links': list,
  };
}

/** Starts `line` against clusters that answer only `answers` of each, and waits until `hanging` is asked for. */
async function waitingFor(
  line: string,
  hanging: RegExp,
  answers: (cluster: string) => Record<string, unknown>,
) {
  const asked = Promise.withResolvers<void>();
  const serverOf = async (cluster: string) => {
    const known = answers(cluster);
    const server = http.createServer((request, response) => {
      const body = known[request.url?.split('?')[0] ?? ''];
      if (request.method === 'GET' && body) response.end(JSON.stringify(body));
      else if (hanging.test(`${request.method} ${request.url}`)) asked.resolve();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return server;
  };
  const servers = { west: await serverOf('west'), east: await serverOf('east') };
  const named = Object.entries(servers);
  const kubeconfig = {
    clusters: named.map(([name, server]) => ({
      name,
      cluster: {
        server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        'insecure-skip-tls-verify': true,
      },
    })),
    users: [{ name: 'me', user: {} }],
    contexts: named.map(([name]) => ({ name, context: { cluster: name, user: 'me' } })),
  };
  writeFileSync(join(cwd, 'kubeconfig'), JSON.stringify(kubeconfig));
  const ended = new AbortController();
  const clock = new VirtualClock();
  const said: string[] = [];
  const running = runProgram(line.split(' '), {
    ...silentIo(cwd, { KUBECONFIG: join(cwd, 'kubeconfig') }),
    clock,
    signal: ended.signal,
    err: (text) => said.push(text),
  });
  await asked.promise;
  return {
    clock,
    err: () => said.join('').replaceAll(/\s+/g, ' '),
    running,
    /** Interrupts it; resolves with its exit code and how long that took. */
    interrupt: async () => {
      const startMs = performance.now();
      ended.abort(new Interruption('SIGINT'));
      const code = await running;
      for (const each of Object.values(servers)) each.closeAllConnections();
      for (const each of Object.values(servers)) each.close();
      return { code, ms: performance.now() - startMs };
    },
  };
}

for (const [line, hanging] of [
  ['services', /serviceexports/],
  ['explain backend --context west', /pods/],
  ['link west east', /configmaps/],
  ['unlink west east', /configmaps/],
  [`drill ${DRILL}`, /services/],
] as const) {
  test(`isthmus ${line.split(' ')[0]} says whom it waits for, and an interruption ends it at once`, async () => {
    const command = await waitingFor(line, hanging, () => ({}));
    assert.equal(command.err(), '');
    await command.clock.pass(3_000);
    assert.match(command.err(), /^waiting for the (API server|gateways) of west …/);
    const { code, ms } = await command.interrupt();
    assert.equal(code, 130);
    assert.ok(ms < AT_ONCE_MS, `it took ${ms} ms`);
    assert.match(command.err(), /interrupted by SIGINT/);
  });
}

test('what a link or its removal may have done when a write was cut short is told', async () => {
  const linking = await waitingFor('link west east', /PATCH/, factsOf);
  assert.equal((await linking.interrupt()).code, 130);
  assert.match(linking.err(), /SIGINT: each of the two Links may be written or not/);
  const unlinking = await waitingFor('unlink west east', /DELETE/, linkedFactsOf);
  assert.equal((await unlinking.interrupt()).code, 130);
  assert.match(unlinking.err(), /SIGINT: each of the two Links may be deleted or not/);
});

test('a listing that was cut short is no listing of the clusters that answered', async () => {
  const list = { kind: 'List', metadata: { resourceVersion: '1' }, items: [] };
  const command = await waitingFor('services', /serviceexports/, (cluster) =>
    cluster === 'west'
      ? { '/apis/multicluster.x-k8s.io/v1beta1/serviceexports': list, '/api/v1/services': list }
      : {},
  );
  assert.equal((await command.interrupt()).code, 130);
  assert.doesNotMatch(command.err(), /warning/);
});

test('a pod behind an API server that swallows port-forwards is given up', async () => {
  const ip = '10.9.8.7';
  const gateway = {
    metadata: { name: 'isthmus-gateway-x', namespace: 'isthmus-system' },
    spec: {},
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
  };
  const pods = { kind: 'PodList', metadata: { resourceVersion: '1' }, items: [gateway] };
  const command = await waitingFor('explain backend --context west', /portforward/, () => ({
    '/api/v1/namespaces/isthmus-system/pods': pods,
  }));
  await command.clock.pass(6_000);
  assert.equal(await command.running, 3);
  assert.match(command.err(), /isthmus-gateway-x of west did not answer within 5 s/);
  await command.interrupt();
});
