/**
 * What every HTTP client does, whatever its version and the pod's.
 */
import assert from 'node:assert/strict';
import {
  AUTHORITY,
  at,
  type Case,
  freshId,
  patterned,
  sha256,
  sleep,
  type Target,
} from '../case.ts';
import { type HttpClient, type Reply, valuesOf } from '../clients/http-client.ts';
import { nodeHttp1 } from '../clients/node-http1.ts';
import { nodeHttp2 } from '../clients/node-http2.ts';
import { undiciHttp1, undiciHttp2 } from '../clients/undici.ts';
import type { Seen } from '../pods/http-routes.ts';
import type { PodName } from '../ports.ts';

const MIB = 1024 * 1024;

export function seenIn(reply: Pick<Reply, 'body'>): Seen {
  return JSON.parse(reply.body.toString()) as Seen;
}

function parts(body: Buffer, bytes: number): Buffer[] {
  const all: Buffer[] = [];
  for (let from = 0; from < body.length; from += bytes) all.push(body.subarray(from, from + bytes));
  return all;
}

function casesOf(client: HttpClient): Omit<Case, 'port'>[] {
  const open = (target: Target) => client.open(target);
  const cases: (Omit<Case, 'port'> & { readonly when?: boolean })[] = [
    {
      name: 'a GET',
      combine: true,
      async run(target) {
        const path = '/hash/a%20b?c=d&e=%2F;~';
        const reply = await open(target).ask({ path, headers: { 'x-kept': 'a "b", c' } });
        assert.equal(reply.status, 200);
        const seen = seenIn(reply);
        assert.deepEqual(
          [seen.method, seen.path, seen.authority, seen.httpVersion, seen.length],
          ['GET', path, AUTHORITY, target.podVersion, 0],
        );
        assert.deepEqual(valuesOf(seen.headers, 'x-kept'), ['a "b", c']);
      },
    },
    {
      name: 'an answer tells when it came, whether its pod does or not',
      gatewayOnly: true,
      combine: true,
      async run(target) {
        const session = open(target);
        for (const path of ['/hash', '/undated']) {
          const dates = valuesOf((await session.ask({ path })).headers, 'date');
          assert.equal(dates.length, 1, path);
          assert.match(dates[0] ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
        }
      },
    },
    {
      name: 'every method',
      async run(target) {
        const session = open(target);
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT']) {
          const body = method === 'OPTIONS' ? undefined : Buffer.from(method);
          const reply = await session.ask({ method, path: '/hash', ...(body ? { body } : {}) });
          const seen = seenIn(reply);
          assert.equal(seen.method, method);
          assert.equal(seen.sha256, sha256(body ?? ''));
        }
      },
    },
    {
      name: 'a POST of 5 MiB with a length',
      combine: true,
      async run(target) {
        const body = patterned(5 * MIB, 1);
        const seen = seenIn(await open(target).ask({ method: 'POST', path: '/hash', body }));
        assert.equal(seen.sha256, sha256(body));
        assert.deepEqual(valuesOf(seen.headers, 'content-length'), [String(body.length)]);
      },
    },
    {
      name: 'a POST of 5 MiB without a length',
      async run(target) {
        const body = patterned(5 * MIB, 2);
        const ask = { method: 'POST', path: '/hash', body: parts(body, 50_000) };
        assert.equal(seenIn(await open(target).ask(ask)).sha256, sha256(body));
      },
    },
    {
      name: 'an empty POST',
      async run(target) {
        const ask = { method: 'POST', path: '/hash', body: Buffer.alloc(0) };
        const seen = seenIn(await open(target).ask(ask));
        assert.equal(seen.length, 0);
        assert.equal(seen.method, 'POST');
      },
    },
    {
      name: 'trailers of a request',
      when: client.trailers,
      combine: true,
      async run(target) {
        const body = patterned(100_000, 3);
        const seen = seenIn(
          await open(target).ask({
            method: 'POST',
            path: '/hash',
            body: parts(body, 10_000),
            trailers: { 'x-checksum': sha256(body), 'x-other': 'one, two' },
          }),
        );
        assert.equal(seen.sha256, sha256(body));
        assert.deepEqual(valuesOf(seen.trailers, 'x-checksum'), [sha256(body)]);
        assert.deepEqual(valuesOf(seen.trailers, 'x-other'), ['one, two']);
      },
    },
    {
      name: 'an echo of 3 MiB with trailers',
      combine: true,
      async run(target) {
        const body = patterned(3 * MIB, 4);
        const ask = { method: 'POST', path: '/echo', body: parts(body, 64 * 1024) };
        const reply = await open(target).ask(ask);
        assert.equal(sha256(reply.body), sha256(body));
        assert.deepEqual(valuesOf(reply.trailers, 'x-sha256'), [sha256(body)]);
      },
    },
    {
      name: 'both sides talk in turns',
      async run(target) {
        const talk = open(target).talk({ method: 'POST', path: '/echo' });
        talk.write(Buffer.from('turn 0'));
        let turn = 0;
        for await (const chunk of talk.chunks()) {
          assert.equal(chunk.toString(), `turn ${turn}`);
          turn += 1;
          if (turn < 5) talk.write(Buffer.from(`turn ${turn}`));
          else talk.end();
        }
        assert.equal(turn, 5);
      },
    },
    {
      name: 'answers with a length, without one, with trailers, in part, and empty',
      combine: true,
      async run(target) {
        const session = open(target);
        const whole = patterned(300_000);
        const withLength = await session.ask({ path: '/bytes/300000' });
        assert.equal(sha256(withLength.body), sha256(whole));
        assert.deepEqual(valuesOf(withLength.headers, 'content-length'), ['300000']);
        const chunked = await session.ask({ path: '/bytes/300000?chunked=1' });
        assert.equal(sha256(chunked.body), sha256(whole));
        const trailers = await session.ask({ path: '/bytes/300000?trailers=1' });
        assert.equal(sha256(trailers.body), sha256(whole));
        assert.deepEqual(valuesOf(trailers.trailers, 'x-sha256'), [sha256(whole)]);
        const headers = { range: 'bytes=1000-1999' };
        const part = await session.ask({ path: '/bytes/300000', headers });
        assert.equal(part.status, 206);
        assert.equal(sha256(part.body), sha256(whole.subarray(1000, 2000)));
        assert.deepEqual(valuesOf(part.headers, 'content-range'), ['bytes 1000-1999/300000']);
        const empty = await session.ask({ path: '/bytes/0' });
        assert.equal(empty.body.length, 0);
        assert.deepEqual(valuesOf(empty.headers, 'content-length'), ['0']);
      },
    },
    {
      name: 'HEAD, 204 and 304 have no body, and the session goes on',
      async run(target) {
        const session = open(target);
        const head = await session.ask({ method: 'HEAD', path: '/bytes/1000' });
        assert.deepEqual([head.status, head.body.length], [200, 0]);
        assert.deepEqual(valuesOf(head.headers, 'content-length'), ['1000']);
        const chunked = await session.ask({ method: 'HEAD', path: '/bytes/1000?chunked=1' });
        assert.deepEqual([chunked.status, chunked.body.length], [200, 0]);
        const none = await session.ask({ path: '/status/204' });
        assert.deepEqual([none.status, none.body.length], [204, 0]);
        assert.deepEqual(valuesOf(none.headers, 'content-length'), []);
        const unmodified = await session.ask({ path: '/status/304' });
        assert.deepEqual([unmodified.status, unmodified.body.length], [304, 0]);
        assert.deepEqual(valuesOf(unmodified.headers, 'content-length'), ['1234']);
        assert.deepEqual(valuesOf(unmodified.headers, 'etag'), ['"one"']);
        assert.equal((await session.ask({ path: '/bytes/10' })).body.length, 10);
      },
    },
    {
      name: 'any status of the pod is the status of the answer',
      async run(target) {
        const session = open(target);
        for (const status of [201, 301, 404, 418, 451, 500, 503, 599]) {
          const reply = await session.ask({ method: 'POST', path: `/status/${status}` });
          assert.equal(reply.status, status);
          assert.equal(reply.body.toString(), `status ${status}`);
        }
      },
    },
    {
      name: 'interim answers come before the final one',
      when: client.interim,
      combine: true,
      async run(target) {
        const reply = await open(target).ask({ path: '/interim' });
        assert.deepEqual(
          reply.interim.map((each) => each.status),
          [102, 103],
        );
        const early = reply.interim[1]?.headers ?? [];
        assert.deepEqual(valuesOf(early, 'link'), ['</style.css>; rel=preload; as=style']);
        assert.deepEqual(valuesOf(early, 'x-early'), ['yes']);
        assert.equal(reply.status, 200);
        assert.deepEqual(valuesOf(reply.headers, 'x-early'), []);
      },
    },
    {
      name: 'cookies, repeated and empty fields and the order of fields survive',
      async run(target) {
        const headers = { cookie: 'one=1; two=2', 'x-b': '1', 'x-a': '2' };
        const session = open(target);
        const reply = await session.ask({ path: '/headers' });
        const cookies = valuesOf(reply.headers, 'set-cookie');
        assert.deepEqual(cookies, ['a=1; Path=/', 'b=2, with a comma']);
        assert.equal(valuesOf(reply.headers, 'x-twice').join(', '), 'one, two');
        assert.deepEqual(valuesOf(reply.headers, 'x-empty'), ['']);
        const names = reply.headers.filter((each, index) => index % 2 === 0 && /^x-/.test(each));
        assert.deepEqual([...new Set(names)], ['x-z', 'x-twice', 'x-a', 'x-empty']);
        const seen = seenIn(await session.ask({ path: '/hash', headers }));
        assert.equal(valuesOf(seen.headers, 'cookie').join('; '), 'one=1; two=2');
        const sent = seen.headers.filter((each, index) => index % 2 === 0 && /^x-[ab]$/.test(each));
        assert.deepEqual(sent, ['x-b', 'x-a']);
      },
    },
    {
      name: 'an answer that comes before the request is whole',
      async run(target) {
        const talk = open(target).talk({ method: 'POST', path: '/early' });
        talk.write(patterned(100_000));
        assert.equal((await talk.head).status, 413);
        talk.write(patterned(100_000));
        talk.end();
        let text = '';
        for await (const chunk of talk.chunks()) text += chunk;
        assert.equal(text, 'too large');
      },
    },
    {
      name: 'a slow answer arrives as it is made',
      async run(target) {
        const talk = open(target).talk({ path: '/slow?ms=80' });
        const startMs = performance.now();
        let firstMs = Number.NaN;
        let text = '';
        for await (const chunk of talk.chunks()) {
          if (text === '') firstMs = performance.now();
          text += chunk;
        }
        assert.equal(text, '4\n3\n2\n1\n0\n');
        assert.ok(performance.now() - firstMs > 200, 'the first part came with the last');
        assert.ok(performance.now() - startMs > 300);
      },
    },
    {
      name: 'an answer cut off by the pod is cut off for the client',
      combine: true,
      async run(target) {
        const session = open(target);
        await assert.rejects(session.ask({ path: '/cut?length=1' }));
        await assert.rejects(session.ask({ path: '/cut' }));
      },
    },
    {
      name: 'a client that gives up an answer is gone for the pod',
      combine: true,
      async run(target) {
        const id = freshId();
        const talk = open(target).talk({ path: `/endless?id=${id}` });
        assert.equal((await talk.head).status, 200);
        await target.journal.until(id, /begun/);
        talk.cancel();
        await target.journal.until(id, /gone/);
      },
    },
    {
      name: 'a client that gives up an upload is gone for the pod',
      async run(target) {
        const id = freshId();
        const talk = open(target).talk({ method: 'POST', path: `/upload?id=${id}` });
        talk.write(patterned(1_000));
        await target.journal.until(id, /begun/);
        talk.cancel();
        await target.journal.until(id, /cut/);
        assert.ok(!target.journal.of(id).includes('whole'), 'a cut upload looked whole to the pod');
      },
    },
    {
      name: 'a hundred requests at once keep their bodies apart',
      combine: true,
      async run(target) {
        const session = open(target);
        const ask = async (at: number) => {
          const body = patterned(1_000 + at * 200, at);
          const reply = await session.ask({ method: 'POST', path: `/echo?${at}`, body });
          assert.equal(sha256(reply.body), sha256(body));
        };
        await Promise.all(Array.from({ length: 100 }, (_, at) => ask(at)));
      },
    },
    {
      name: 'a large header passes',
      async run(target) {
        const value = patterned(7_000, 9).toString('hex');
        const headers = { 'x-large': value, 'x-larger': value };
        const seen = seenIn(await open(target).ask({ path: '/hash', headers }));
        assert.deepEqual(valuesOf(seen.headers, 'x-large'), [value]);
        assert.deepEqual(valuesOf(seen.headers, 'x-larger'), [value]);
      },
    },
    {
      name: 'a hundred requests one after the other',
      async run(target) {
        const session = open(target);
        for (let turn = 0; turn < 100; turn += 1) {
          const reply = await session.ask({ path: `/bytes/${turn}` });
          assert.equal(reply.body.length, turn);
        }
        await sleep(0);
      },
    },
  ];
  return cases
    .filter(({ when }) => when !== false)
    .map(({ when: _, combine = false, ...each }) => ({
      ...each,
      name: `${client.name}: ${each.name}`,
      // One client of each version is enough where only the tunnels differ.
      combine: combine && client.trailers,
    }));
}

function own(client: HttpClient): Case[] {
  const [auto, sameAsPod, other, pod]: [
    'http1-auto' | 'h2c-auto',
    'http1' | 'h2c',
    'http1' | 'h2c',
    PodName,
  ] =
    client.version === '1.1'
      ? ['http1-auto', 'http1', 'h2c', 'http1']
      : ['h2c-auto', 'h2c', 'http1', 'h2c'];
  const cases = casesOf(client);
  return [...at([auto, sameAsPod], cases), ...at([other], cases, { direct: pod })];
}

/** Each client at a port of its own version, found out and declared, and at one of the other. */
export const httpCases: readonly Case[] = [
  ...own(nodeHttp1),
  ...own(nodeHttp2),
  ...own(undiciHttp1),
  ...own(undiciHttp2),
];
