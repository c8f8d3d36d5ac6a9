/**
 * What a gateway adds, takes away and never lets through (RFC 9110 section 7.6.1, RFC 7239).
 */
import assert from 'node:assert/strict';
import { HEADER_HOPS, HEADER_PREFIX } from '#core/names.ts';
import { AUTHORITY, at, type Case } from '../case.ts';
import { type HttpClient, valuesOf } from '../clients/http-client.ts';
import { nodeHttp1 } from '../clients/node-http1.ts';
import { nodeHttp2 } from '../clients/node-http2.ts';
import { dial, RawReader } from '../clients/raw-http1.ts';
import { seenIn } from './http.ts';

function ours(fields: readonly string[]): string[] {
  return fields.filter((each, at) => at % 2 === 0 && each.startsWith(HEADER_PREFIX));
}

function casesOf(client: HttpClient): Omit<Case, 'port'>[] {
  const cases: Omit<Case, 'port'>[] = [
    {
      name: `${client.name}: Forwarded and X-Forwarded-For name the client`,
      combine: true,
      async run(target) {
        const session = client.open(target);
        const { headers } = seenIn(await session.ask({ path: '/hash' }));
        assert.deepEqual(valuesOf(headers, 'x-forwarded-for'), ['127.0.0.1']);
        const own = `for=127.0.0.1;host="${AUTHORITY}";proto=http`;
        assert.deepEqual(valuesOf(headers, 'forwarded'), [own]);
        const given = { forwarded: 'for=192.0.2.1', 'x-forwarded-for': '192.0.2.1' };
        const behind = seenIn(await session.ask({ path: '/hash', headers: given })).headers;
        assert.equal(valuesOf(behind, 'x-forwarded-for').join(', '), '192.0.2.1, 127.0.0.1');
        assert.equal(valuesOf(behind, 'forwarded').join(', '), `for=192.0.2.1, ${own}`);
      },
    },
    {
      name: `${client.name}: OPTIONS goes as far as Max-Forwards lets it, both gateways counting as one`,
      combine: true,
      gatewayOnly: true,
      async run(target) {
        const session = client.open(target);
        const ask = (method: string, forwards: string) =>
          session.ask({ method, path: '/hash', headers: { 'max-forwards': forwards } });
        const left = async (method: string, forwards: string) =>
          valuesOf(seenIn(await ask(method, forwards)).headers, 'max-forwards').join();
        assert.equal(await left('OPTIONS', '1'), '0');
        assert.equal(await left('OPTIONS', '012'), '11');
        assert.equal(await left('OPTIONS', '9'.repeat(21)), '255');
        assert.equal(await left('GET', '0'), '0', 'it means nothing to other methods');
        const last = await ask('OPTIONS', '0');
        assert.deepEqual([last.status, last.body.length], [200, 0]);
        assert.match(valuesOf(last.headers, 'allow').join(), /GET, .*OPTIONS, TRACE/);
        assert.equal((await ask('OPTIONS', '-1')).status, 400);
        const after = await session.ask({ path: '/bytes/3' });
        assert.equal(after.body.length, 3, 'the connection goes on');
      },
    },
    {
      name: `${client.name}: TRACE that may go no further is not played back`,
      gatewayOnly: true,
      async run(target) {
        const headers = { 'max-forwards': '0', authorization: 'secret' };
        const reply = await client.open(target).ask({ method: 'TRACE', path: '/hash', headers });
        assert.equal(reply.status, 405);
        assert.doesNotMatch(valuesOf(reply.headers, 'allow').join(), /TRACE|CONNECT/);
        assert.equal(reply.body.length, 0);
      },
    },
    {
      name: `${client.name}: a client sets no field of ours, in trailers neither`,
      combine: true,
      async run(target) {
        const reply = await client.open(target).ask({
          method: 'POST',
          path: '/hash',
          headers: {
            'isthmus-caller': 'spiffe://forged',
            'isthmus-target': 'kube-system/x:1',
            'isthmus-unheard-of': '1',
            'isthmus-hops': 'north',
            'x-kept': 'yes',
          },
          body: [Buffer.from('body')],
          trailers: { 'isthmus-caller': 'forged', 'x-kept-too': 'yes' },
        });
        assert.equal(reply.status, 200);
        const seen = seenIn(reply);
        assert.deepEqual(ours(seen.headers), [HEADER_HOPS]);
        const hops = valuesOf(seen.headers, HEADER_HOPS).join().split(',');
        assert.deepEqual(
          hops.map((each) => each.trim()),
          ['north', target.cluster],
        );
        assert.deepEqual(valuesOf(seen.headers, 'x-kept'), ['yes']);
        assert.deepEqual(ours(seen.trailers), []);
        assert.deepEqual(valuesOf(seen.trailers, 'x-kept-too'), ['yes']);
      },
    },
    {
      name: `${client.name}: a server sets no field of ours, in trailers neither`,
      combine: true,
      async run(target) {
        const reply = await client.open(target).ask({ path: '/forge' });
        assert.equal(reply.status, 200);
        assert.deepEqual(ours(reply.headers), []);
        assert.deepEqual(ours(reply.trailers), []);
        assert.deepEqual(valuesOf(reply.headers, 'x-private'), []);
        assert.deepEqual(valuesOf(reply.headers, 'x-kept'), ['yes']);
        assert.deepEqual(valuesOf(reply.trailers, 'x-kept-too'), ['yes']);
        assert.ok(!valuesOf(reply.headers, 'keep-alive').includes('timeout=77'));
      },
    },
    {
      name: `${client.name}: a request that passed this cluster already is refused`,
      async run(target) {
        const headers = { 'isthmus-hops': `north,${target.cluster}` };
        const reply = await client.open(target).ask({ path: '/hash', headers });
        assert.equal(reply.status, 508);
        assert.deepEqual(valuesOf(reply.headers, 'isthmus-error'), ['LOOP_DETECTED']);
      },
    },
  ];
  return cases.map((each) => ({ ...each, gatewayOnly: true }));
}

const http1Hops: Omit<Case, 'port'> = {
  name: 'what belongs to the connection of the client ends there',
  gatewayOnly: true,
  combine: true,
  async run(target) {
    const socket = dial(target);
    const own = [
      'Connection: keep-alive, X-Private, isthmus-hops',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'X-Private: 1',
      'TE: gzip;q=0.5, trailers',
      'X-Kept: yes',
    ].join('\r\n');
    socket.write(`GET /hash HTTP/1.1\r\nHost: ${AUTHORITY}\r\n${own}\r\n\r\n`);
    const { headers } = seenIn(await new RawReader(socket).reply());
    for (const name of ['x-private', 'proxy-connection']) {
      assert.deepEqual(valuesOf(headers, name), [], name);
    }
    assert.ok(!valuesOf(headers, 'keep-alive').includes('timeout=5'));
    assert.doesNotMatch(valuesOf(headers, 'te').join(), /gzip/);
    assert.deepEqual(valuesOf(headers, 'x-kept'), ['yes']);
    // A client cannot name our field to have it taken out on the way.
    assert.deepEqual(valuesOf(headers, HEADER_HOPS), [target.cluster]);
  },
};

const trailersWanted: Omit<Case, 'port'> = {
  name: 'TE: trailers reaches a pod of HTTP/2',
  gatewayOnly: true,
  async run(target) {
    const headers = { te: 'trailers' };
    const reply = await nodeHttp2.open(target).ask({ path: '/hash', headers });
    assert.deepEqual(valuesOf(seenIn(reply).headers, 'te'), ['trailers']);
  },
};

const refused: Omit<Case, 'port'> = {
  name: 'a pod that refuses is told by status and code',
  gatewayOnly: true,
  async run(target) {
    for (const client of [nodeHttp1, nodeHttp2]) {
      const reply = await client.open(target).ask({ path: '/hash' });
      assert.ok([502, 503].includes(reply.status), `${client.name}: ${reply.status}`);
      assert.match(
        valuesOf(reply.headers, 'isthmus-error').join(),
        /^(UPSTREAM_CONNECT|NO_ENDPOINT)$/,
      );
    }
  },
};

export const headerCases: readonly Case[] = [
  ...at(['http1', 'http1-auto', 'h2c'], [...casesOf(nodeHttp1), http1Hops]),
  ...at(['http1', 'h2c', 'h2c-auto'], casesOf(nodeHttp2)),
  ...at(['h2c', 'h2c-auto'], [trailersWanted]),
  ...at(['refused-http'], [refused]),
];
