/**
 * Plays `kube-apiserver`: the embedded server behind the certificates, keys and flags of a real one.
 *
 * A client certificate of the given authority is its caller's name and groups, as in Kubernetes; tokens
 * go through to the embedded server. It has no store but its own, so it asks etcd only whether it lives.
 */

import { createPrivateKey, createPublicKey, sign, verify, X509Certificate } from 'node:crypto';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { request as ask, createServer, type ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { loopbackNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { startApiServer } from '#devcluster/api-server.ts';
import { runControllers } from '#devcluster/cluster.ts';
import { API_SERVER_FLAGS, readFlags, readNamed, refuse } from './flags.ts';

const flag = readFlags(API_SERVER_FLAGS, [
  'etcd-servers',
  'service-account-issuer',
  'service-account-key-file',
  'service-account-signing-key-file',
  'service-cluster-ip-range',
]);
const named = (name: string) => readNamed(name, flag(name));
if (flag('authorization-mode') !== 'RBAC') refuse('--authorization-mode: expected RBAC');
if (/^127\./.test(flag('advertise-address'))) refuse('the advertised address is a loopback one');

const privateKey = createPrivateKey(named('service-account-signing-key-file'));
const publicKey = createPublicKey(named('service-account-key-file'));
const probe = Buffer.from('a token');
if (!verify('sha256', probe, publicKey, sign('sha256', probe, privateKey))) {
  refuse('the service account keys do not fit each other');
}
const ca = named('client-ca-file');
const options: ServerOptions = {
  key: named('tls-private-key-file'),
  cert: named('tls-cert-file'),
  ca,
  requestCert: true,
  rejectUnauthorized: false,
};
const serving = new X509Certificate(named('tls-cert-file'));
if (!serving.checkIP(flag('bind-address'))) refuse('the serving certificate is for another host');
const etcd = await fetch(`${flag('etcd-servers')}/health`).catch(() => undefined);
if (!etcd?.ok) refuse(`etcd at ${flag('etcd-servers')} does not answer`);

const embedded = await startApiServer({
  cluster: 'fake',
  block: Number(flag('service-cluster-ip-range').split('.')[1]) % 200 || 1,
  network: loopbackNetwork,
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  address: { host: '127.0.0.1', port: 0 },
});
runControllers({ ...embedded, ca }, systemRandom);
const seconds = Number.parseInt(flag('etcd-compaction-interval') || '300', 10);
setInterval(() => embedded.context.lists.expire(), seconds * 1_000);

const server = createServer(options, (incoming, outgoing) => {
  const { authorization, ...headers } = incoming.headers;
  const credentials = callerOf(incoming.socket as TLSSocket) ?? authorization;
  const sent = ask(
    `${embedded.url}${incoming.url}`,
    {
      method: incoming.method ?? 'GET',
      ca: embedded.ca,
      headers: { ...headers, ...(credentials ? { authorization: credentials } : {}) },
    },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    },
  );
  sent.on('error', () => outgoing.destroy());
  outgoing.on('close', () => sent.destroy());
  const isSlice = incoming.method === 'POST' && incoming.url?.includes('/endpointslices');
  if (isSlice) void refuseLoopback(incoming, outgoing, sent);
  else incoming.pipe(sent);
});
server.listen(Number(flag('secure-port')), flag('bind-address'));
process.on('SIGTERM', () => process.exit(0));

/** The one thing that the embedded server lets pass and the real one does not. */
async function refuseLoopback(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  sent: ClientRequest,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (!body.includes('"127.0.0.1"')) {
    sent.end(body);
    return;
  }
  const field = 'endpoints[0].addresses[0]';
  const message =
    'Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)';
  const cause = { reason: 'FieldValueInvalid', field, message };
  const head = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  const text = `EndpointSlice.discovery.k8s.io "x" is invalid: ${field}: ${message}`;
  const details = { name: 'x', group: 'discovery.k8s.io', kind: 'EndpointSlice', causes: [cause] };
  outgoing.writeHead(422, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ ...head, message: text, reason: 'Invalid', details, code: 422 }));
}

/** The administrator's token for whoever a client certificate makes one. */
function callerOf(socket: TLSSocket): string | undefined {
  const { subject } = socket.getPeerCertificate();
  if (!socket.authorized || subject === undefined) return undefined;
  const isAdmin = subject.O === 'system:masters' || subject.CN === 'system:kube-controller-manager';
  return isAdmin ? `Bearer ${embedded.adminToken}` : undefined;
}
