/**
 * HTTP/1 as it is seldom written: pipelines, old versions, odd targets, upgrades, expectations.
 */
import assert from 'node:assert/strict';
import { AUTHORITY, at, type Case, patterned, sha256, sleep } from '../case.ts';
import { valuesOf } from '../clients/http-client.ts';
import { dial, RawReader } from '../clients/raw-http1.ts';
import { seenIn } from './http.ts';

function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${AUTHORITY}\r\n${fields}\r\n`;
}

/** For pods of either version, spoken to in HTTP/1. */
const anyPod: readonly Omit<Case, 'port'>[] = [
  {
    name: 'twenty pipelined GETs and a chunked POST with trailers are answered in order',
    combine: true,
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      const gets = Array.from({ length: 20 }, (_, turn) => get(`/bytes/${turn * 1_000}`)).join('');
      const post = `POST /hash HTTP/1.1\r\nHost: ${AUTHORITY}\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\nTE: trailers\r\nConnection: te\r\n\r\n`;
      socket.write(
        `${gets}${post}5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nx-end: yes\r\n\r\n${get('/bytes/7')}`,
      );
      for (let turn = 0; turn < 20; turn += 1) {
        assert.equal(sha256((await reader.reply()).body), sha256(patterned(turn * 1_000)));
      }
      const seen = seenIn(await reader.reply());
      assert.equal(seen.sha256, sha256('hello world'));
      assert.deepEqual(valuesOf(seen.trailers, 'x-end'), ['yes']);
      assert.equal((await reader.reply()).body.length, 7);
    },
  },
  {
    name: 'a request sent byte by byte',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      const text = `POST /hash?slow HTTP/1.1\r\nHost: ${AUTHORITY}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
      for (const byte of text) {
        socket.write(byte);
        await sleep(1);
      }
      assert.equal(seenIn(await reader.reply()).sha256, sha256('abc'));
    },
  },
  {
    name: 'a target in absolute form',
    async run(target) {
      const socket = dial(target);
      socket.write(get(`http://${AUTHORITY}/hash?absolute`));
      const seen = seenIn(await new RawReader(socket).reply());
      assert.equal(seen.authority, AUTHORITY);
      if (target.gateway) assert.equal(seen.path, '/hash?absolute');
    },
  },
  {
    name: 'OPTIONS *',
    async run(target) {
      const socket = dial(target);
      socket.write(`OPTIONS * HTTP/1.1\r\nHost: ${AUTHORITY}\r\n\r\n`);
      const reply = await new RawReader(socket).reply();
      assert.equal(reply.status, 200);
      assert.deepEqual(valuesOf(reply.headers, 'allow'), ['GET, HEAD, OPTIONS']);
    },
  },
  {
    name: 'HTTP/1.0: one request, an answer that ends with the connection, never chunked',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      socket.write(`GET /bytes/100000?chunked=1 HTTP/1.0\r\nHost: ${AUTHORITY}\r\n\r\n`);
      const reply = await reader.reply();
      assert.ok(!reply.headers.includes('transfer-encoding'));
      assert.equal(sha256(reply.body), sha256(patterned(100_000)));
      assert.equal((await reader.rest()).length, 0);
    },
  },
  {
    name: 'HTTP/1.0: no interim answers',
    gatewayOnly: true,
    async run(target) {
      const socket = dial(target);
      socket.write(`GET /interim HTTP/1.0\r\nHost: ${AUTHORITY}\r\n\r\n`);
      assert.equal((await new RawReader(socket).reply()).status, 200);
    },
  },
  {
    name: 'HTTP/1.0 without Host',
    async run(target) {
      const socket = dial(target);
      socket.write('GET /bytes/5 HTTP/1.0\r\n\r\n');
      const reply = await new RawReader(socket).reply();
      assert.deepEqual([reply.status, reply.body.length], [200, 5]);
    },
  },
  {
    name: 'HTTP/1.0 with keep-alive',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      for (let turn = 0; turn < 3; turn += 1) {
        socket.write(
          `GET /bytes/${turn} HTTP/1.0\r\nHost: ${AUTHORITY}\r\nConnection: keep-alive\r\n\r\n`,
        );
        const reply = await reader.reply();
        assert.equal(valuesOf(reply.headers, 'connection').join().toLowerCase(), 'keep-alive');
        assert.equal(reply.body.length, turn);
      }
    },
  },
  {
    name: 'Connection: close ends the connection after the answer',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      socket.write(get('/bytes/5', 'Connection: close\r\n'));
      const reply = await reader.reply();
      assert.deepEqual(valuesOf(reply.headers, 'connection'), ['close']);
      assert.equal((await reader.rest()).length, 0);
    },
  },
  {
    name: 'a client that ends its side after the request is answered',
    async run(target) {
      const socket = dial(target);
      socket.end(get('/slow?ms=20', 'Connection: close\r\n'));
      assert.equal((await new RawReader(socket).reply()).body.toString(), '4\n3\n2\n1\n0\n');
    },
  },
  {
    name: 'Expect: 100-continue is answered before the body is sent',
    combine: true,
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      const head = `Host: ${AUTHORITY}\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n`;
      socket.write(`POST /continue HTTP/1.1\r\n${head}`);
      assert.equal((await reader.reply()).status, 100);
      socket.write('hello world');
      assert.equal(seenIn(await reader.reply()).sha256, sha256('hello world'));
    },
  },
  {
    name: 'a pod may refuse the body it is promised',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      const head = `Host: ${AUTHORITY}\r\nContent-Length: 11000000\r\nExpect: 100-continue\r\n\r\n`;
      socket.write(`POST /expectation-failed HTTP/1.1\r\n${head}`);
      assert.equal((await reader.reply()).status, 417);
    },
  },
  {
    name: 'an upgrade to h2c is not taken up: the request is answered in HTTP/1.1',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n';
      socket.write(get('/hash', `${upgrade}HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`));
      const reply = await reader.reply();
      assert.deepEqual([reply.version, reply.status], ['HTTP/1.1', 200]);
      const { headers } = seenIn(reply);
      if (target.gateway) {
        assert.deepEqual(valuesOf(headers, 'upgrade'), []);
        assert.deepEqual(valuesOf(headers, 'http2-settings'), []);
      }
      socket.write(get('/bytes/3'));
      assert.equal((await reader.reply()).body.length, 3);
    },
  },
  {
    name: 'a request that two servers would read differently is refused',
    async run(target) {
      for (const fields of [
        'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
        'Content-Length: 5\r\nContent-Length: 6\r\n',
        'Transfer-Encoding: chunked, identity\r\n',
        'X-Bad : 1\r\n',
      ]) {
        const socket = dial(target);
        const reader = new RawReader(socket);
        socket.write(`POST /hash HTTP/1.1\r\nHost: ${AUTHORITY}\r\n${fields}\r\n0\r\n\r\n`);
        const text = (await reader.rest().catch(() => Buffer.alloc(0))).toString();
        assert.doesNotMatch(text, /^HTTP\/1\.1 200/, fields);
        if (target.gateway) assert.match(text, /^HTTP\/1\.1 400/, fields);
      }
    },
  },
];

/** What only a pod of HTTP/1 can do. */
const http1Pod: readonly Omit<Case, 'port'>[] = [
  {
    name: 'an answer that ends with the connection of the pod',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      socket.write(get('/until-close'));
      const reply = await reader.reply();
      const expected = Buffer.concat([patterned(30_000, 3), patterned(30_000, 4)]);
      assert.equal(sha256(reply.body), sha256(expected));
    },
  },
  {
    name: 'a custom upgrade is carried once the pod has agreed',
    combine: true,
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      socket.write(get('/hash', 'Connection: Upgrade\r\nUpgrade: echo\r\n'));
      const reply = await reader.reply();
      assert.equal(reply.status, 101);
      assert.deepEqual(valuesOf(reply.headers, 'upgrade'), ['echo']);
      assert.deepEqual(valuesOf(reply.headers, 'x-pod'), ['echo']);
      assert.equal(await reader.line(), 'welcome');
      const body = patterned(2_000_000, 6);
      socket.write(body);
      assert.equal(sha256(await reader.bytes(body.length)), sha256(body));
      socket.end();
      assert.equal((await reader.rest()).length, 0);
    },
  },
  {
    name: 'bytes sent behind an upgrade request reach the other protocol',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      socket.write(`${get('/hash', 'Connection: upgrade\r\nUpgrade: echo\r\n')}early bytes\n`);
      assert.equal((await reader.reply()).status, 101);
      assert.equal(await reader.line(), 'welcome');
      assert.equal(await reader.line(), 'early bytes');
    },
  },
  {
    name: 'an upgrade that the pod refuses is answered, and the connection goes on',
    async run(target) {
      const socket = dial(target);
      const reader = new RawReader(socket);
      socket.write(get('/upgrade', 'Connection: Upgrade\r\nUpgrade: unknown/2\r\n'));
      const reply = await reader.reply();
      assert.deepEqual([reply.status, reply.body.toString()], [426, 'upgrade']);
      socket.write(get('/bytes/4'));
      assert.equal((await reader.reply()).body.length, 4);
    },
  },
];

const gatewayWork: readonly Case[] = [
  {
    name: 'CONNECT is refused',
    port: 'http1-auto',
    gatewayOnly: true,
    async run(target) {
      const socket = dial(target);
      socket.write(`CONNECT ${AUTHORITY}:80 HTTP/1.1\r\nHost: ${AUTHORITY}:80\r\n\r\n`);
      const reply = await new RawReader(socket).reply();
      assert.equal(reply.status, 405);
    },
  },
];

const legacy: Case = {
  name: 'a pod of HTTP/1.0',
  port: 'legacy',
  async run(target) {
    const socket = dial(target);
    const reader = new RawReader(socket);
    socket.write(get('/'));
    const reply = await reader.reply();
    assert.equal(reply.status, 200);
    assert.equal(sha256(reply.body), sha256(patterned(200_000, 5)));
    if (!target.gateway) return;
    assert.deepEqual(valuesOf(reply.headers, 'transfer-encoding'), ['chunked']);
    socket.write(get('/'));
    assert.equal((await reader.reply()).status, 200);
  },
};

export const rawHttp1Cases: readonly Case[] = [
  ...at(['http1-auto', 'http1'], [...anyPod, ...http1Pod]),
  ...at(['h2c'], anyPod, { direct: 'http1' }),
  ...gatewayWork,
  legacy,
];
