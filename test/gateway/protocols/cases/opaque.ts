/**
 * Connections whose bytes are none of our business: half-closes, resets, who speaks first, TLS.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import tls from 'node:tls';
import { at, type Case, freshId, patterned, sha256 } from '../case.ts';
import { dial, RawReader } from '../clients/raw-http1.ts';
import { DUPLEX_BYTES, duplexSha256, podCertificate, writeDuplex } from '../pods/tcp.ts';

/** A silent client's connection is opaque after three seconds. */
const DETECT_MS = 3_000;

const tcp: readonly Omit<Case, 'port'>[] = [
  {
    name: 'an echo, ended by the client',
    combine: true,
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      const body = patterned(3_000_000, 20);
      socket.write('echo\n');
      socket.end(body);
      assert.equal(sha256(await reader.rest()), sha256(body));
    },
  },
  {
    name: 'the client ends first, the pod answers after',
    combine: true,
    async run(target) {
      const socket = dial(target);
      const body = patterned(1_000_000, 21);
      socket.write('digest\n');
      socket.end(body);
      assert.equal((await new RawReader(socket).rest()).toString(), sha256(body));
    },
  },
  {
    name: 'the pod ends first, the client goes on',
    async run(target) {
      const id = freshId();
      const socket = dial(target);
      const body = patterned(1_000_000, 22);
      socket.write(`end-first ${id}\n`);
      assert.equal((await new RawReader(socket).rest()).toString(), 'bye');
      socket.end(body);
      assert.equal(await target.journal.until(id, /^end/), `end ${sha256(body)}`);
    },
  },
  {
    name: 'a reset by the pod is a reset for the client',
    combine: true,
    async run(target) {
      const socket = dial(target);
      socket.write('reset\n');
      await assert.rejects(new RawReader(socket).rest(), { code: 'ECONNRESET' });
    },
  },
  {
    name: 'a reset by the client is a reset for the pod',
    combine: true,
    async run(target) {
      const id = freshId();
      const socket = dial(target);
      socket.write(`hold ${id}\n`);
      assert.equal(await new RawReader(socket).line(), 'held');
      socket.resetAndDestroy();
      await target.journal.until(id, /^error ECONNRESET/);
      assert.ok(!target.journal.of(id).includes('end'), 'the reset looked like an end');
    },
  },
  {
    name: '64 MiB each way at once',
    timeoutMs: 20_000,
    async run(target) {
      const socket = dial(target);
      const hash = createHash('sha256');
      let received = 0;
      const tail: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => {
        const body = chunk.subarray(0, Math.max(0, DUPLEX_BYTES - received));
        received += chunk.length;
        hash.update(body);
        if (body.length < chunk.length) tail.push(chunk.subarray(body.length));
      });
      socket.write('duplex\n');
      writeDuplex(socket, () => void socket.end());
      await once(socket, 'end');
      assert.equal(hash.digest('hex'), duplexSha256());
      assert.equal(Buffer.concat(tail).toString('hex'), duplexSha256());
    },
  },
  {
    name: 'fifty connections at once',
    async run(target) {
      const one = async (turn: number) => {
        const socket = dial(target);
        const body = patterned(20_000 + turn, turn);
        socket.write('echo\n');
        socket.end(body);
        assert.equal(sha256(await new RawReader(socket).rest()), sha256(body));
      };
      await Promise.all(Array.from({ length: 50 }, (_, turn) => one(turn)));
    },
  },
];

const speaksFirst: Omit<Case, 'port'> = {
  name: 'the pod speaks first',
  async run(target) {
    const socket = dial(target);
    const reader = new RawReader(socket);
    const startMs = performance.now();
    assert.equal(await reader.line(), '220 pod ready');
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < DETECT_MS + 1_500, `the greeting took ${tookMs} ms`);
    socket.end('HELO\r\n');
    assert.equal((await reader.rest()).toString(), 'HELO\r\n');
  },
};

const tlsCase: Omit<Case, 'port'> = {
  name: 'TLS from end to end, recognised at once',
  combine: true,
  async run(target) {
    const startMs = performance.now();
    const socket = tls.connect({
      socket: dial(target),
      ca: podCertificate.trustBundle,
      checkServerIdentity: () => undefined,
      servername: 'pod.example',
    });
    socket.on('error', () => undefined);
    const reader = new RawReader(socket);
    await once(socket, 'secureConnect');
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < DETECT_MS - 1_000, `the handshake took ${tookMs} ms`);
    const leaf = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END/.exec(
      podCertificate.certificateChain,
    );
    const shown = socket.getPeerCertificate().raw.toString('base64');
    assert.equal(shown, leaf?.[1]?.replace(/\s/g, ''));
    const body = patterned(1_000_000, 23);
    socket.write(body);
    assert.equal(sha256(await reader.bytes(body.length)), sha256(body));
    socket.end();
  },
};

const refused: Omit<Case, 'port'> = {
  name: 'a pod that refuses makes a reset',
  combine: true,
  async run(target) {
    const socket = dial(target);
    socket.write('echo\n');
    // Without a gateway it is the connection itself that fails.
    const code = target.gateway ? 'ECONNRESET' : 'ECONNREFUSED';
    await assert.rejects(new RawReader(socket).rest(), { code });
  },
};

export const opaqueCases: readonly Case[] = [
  ...at(['tcp', 'tcp-auto'], tcp),
  ...at(['banner', 'banner-auto'], [speaksFirst]),
  ...at(['tls', 'tls-auto'], [tlsCase]),
  ...at(['refused', 'refused-auto'], [refused]),
];
