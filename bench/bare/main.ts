/**
 * One half of a pair that is less than a gateway, a process of its own:
 * `node bench/bare/main.ts bytes|heads near|far DIRECTORY WEST EAST POD`.
 *
 * Client → near → TLS → far → pod, with the gateways' own transport. `bytes`: nothing else of them; each connection of a
 * client has one to the pod, and nobody reads what passes. What this costs, Node and the system cost. `heads`: see
 * `heads.ts`. Says `ready` to its parent and ends with it.
 */
import { readFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { HTTP1_PORT, LINK_HTTP1_PORT } from '../wire/ports.ts';
import { farHeads, nearHeads } from './heads.ts';
import { Leg } from './leg.ts';
import { Link } from './link.ts';

const SOCKET = { noDelay: true, allowHalfOpen: true } as const;

const [what, half, directory = '', west = '', east = '', pod = ''] = process.argv.slice(2);
const certificate = readFileSync(join(directory, half === 'near' ? 'west.pem' : 'east.pem'));
const security = {
  ca: readFileSync(join(directory, 'ca.pem')),
  cert: certificate,
  key: certificate,
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
} as const;
const ready = () => process.send?.('ready');

if (half === 'near') near();
else far();
// Whatever ends the parent, the channel closes.
process.on('disconnect', () => process.exit(0));
// Ctrl-C is the parent's to handle.
process.on('SIGINT', () => undefined);

function near(): void {
  const to = { host: east, port: LINK_HTTP1_PORT };
  // The certificate is that of a workload: its name is no host's.
  const checks = { checkServerIdentity: () => undefined };
  const socket = tls.connect({ ...SOCKET, ...security, ...to, ...checks }, () => {
    const server = net.createServer(
      SOCKET,
      what === 'heads' ? nearHeads(socket) : nearBytes(socket),
    );
    server.listen({ host: west, port: HTTP1_PORT, backlog: 4_096 }, ready);
  });
}

function nearBytes(tunnel: Socket): (client: Socket) => void {
  const legs: (Leg | undefined)[] = [];
  const free: number[] = [];
  const link = new Link(tunnel, (number, bytes, from, end) =>
    legs[number]?.say(bytes.subarray(from, end)),
  );
  return (client) => {
    const number = free.pop() ?? legs.length;
    legs[number] = new Leg(
      client,
      (bytes, from, end) => link.say(number, bytes, from, end),
      () => {
        legs[number] = undefined;
        free.push(number);
      },
    );
  };
}

function far(): void {
  const options = { ...SOCKET, ...security, requestCert: true, rejectUnauthorized: true };
  const server = tls.createServer(options, (tunnel) => {
    if (what === 'heads') farHeads(tunnel, pod, HTTP1_PORT);
    else farBytes(tunnel);
  });
  server.listen({ host: east, port: LINK_HTTP1_PORT }, ready);
}

function farBytes(tunnel: Socket): void {
  const legs: (Leg | undefined)[] = [];
  const link = new Link(tunnel, (number, bytes, from, end) => {
    // Who comes after a client has its connection to the pod: all are kept.
    legs[number] ??= new Leg(
      net.connect({ ...SOCKET, host: pod, port: HTTP1_PORT }),
      (answer, start, stop) => link.say(number, answer, start, stop),
    );
    legs[number].say(bytes.subarray(from, end));
  });
}
