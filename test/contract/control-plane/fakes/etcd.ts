/**
 * Plays `etcd` where there is none: makes its data folder and says that it is well.
 */
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { readFlags } from './flags.ts';

const FLAGS = [
  'name',
  'data-dir',
  'listen-client-urls',
  'advertise-client-urls',
  'listen-peer-urls',
  'initial-advertise-peer-urls',
  'initial-cluster',
  'unsafe-no-fsync',
];
if (process.argv.includes('--help')) {
  process.stdout.write('--unsafe-no-fsync false\n');
  process.exit(0);
}
const flag = readFlags(FLAGS, FLAGS.slice(0, -1));
mkdirSync(flag('data-dir'), { recursive: true });
const { hostname, port } = new URL(flag('listen-client-urls'));
createServer((_, outgoing) => outgoing.end('{"health":"true"}')).listen(Number(port), hostname);
process.on('SIGTERM', () => process.exit(0));
