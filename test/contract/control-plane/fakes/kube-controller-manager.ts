/**
 * Plays `kube-controller-manager`: reads the flags and files of the real one, is known to the API
 * server, answers `/healthz`. The controllers themselves run in the fake API server.
 */
import { createPrivateKey } from 'node:crypto';
import { createServer, request } from 'node:https';
import { parse } from 'yaml';
import { CONTROLLER_MANAGER_FLAGS, readFlags, readNamed, refuse } from './flags.ts';

interface Kubeconfig {
  readonly clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  readonly users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

const flag = readFlags(CONTROLLER_MANAGER_FLAGS, [
  'kubeconfig',
  'root-ca-file',
  'service-account-private-key-file',
]);
const named = (name: string) => readNamed(name, flag(name));
const decode = (text: string) => Buffer.from(text, 'base64').toString();
createPrivateKey(named('service-account-private-key-file'));
const { clusters, users } = parse(named('kubeconfig')) as Kubeconfig;
const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
if (decode(ca) !== named('root-ca-file')) refuse('the kubeconfig trusts another authority');
const status = await new Promise<number>((resolve) => {
  const options = { ca: decode(ca), cert: decode(cert), key: decode(key) };
  request(`${server}/api/v1/namespaces`, options, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  })
    .on('error', (error) => refuse(error.message))
    .end();
});
if (status !== 200) refuse(`the API server answered ${status}`);
createServer(
  { key: named('tls-private-key-file'), cert: named('tls-cert-file') },
  (incoming, outgoing) => {
    outgoing.writeHead(incoming.url === '/healthz' ? 200 : 404).end();
  },
).listen(Number(flag('secure-port')), flag('bind-address'));
process.on('SIGTERM', () => process.exit(0));
