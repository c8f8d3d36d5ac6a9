/**
 * What only an HTTP/2 client does: many streams of one connection, resets, plain CONNECT, balancing.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { AUTHORITY, at, type Case, freshId, patterned, sha256 } from '../case.ts';
import { collect } from '../clients/http-client.ts';
import { beginStream, connectHttp2, headOf, nodeHttp2 } from '../clients/node-http2.ts';
import { seenIn } from './http.ts';

const cases: readonly Omit<Case, 'port'>[] = [
  {
    name: 'HTTP/2: a hundred uploads at once, of which every third is given up',
    combine: true,
    async run(target) {
      const session = connectHttp2(target);
      const one = async (turn: number) => {
        const body = patterned(60_000, turn);
        const id = freshId();
        if (turn % 3 === 0) {
          const path = `/upload?id=${id}`;
          const stream = beginStream(session, { method: 'POST', path }, false);
          stream.write(body);
          await target.journal.until(id, /begun/);
          stream.close(http2.constants.NGHTTP2_CANCEL);
          await target.journal.until(id, /cut/);
          return;
        }
        const stream = beginStream(session, { method: 'POST', path: '/echo', body }, false);
        const head = headOf(stream);
        stream.end(body);
        assert.equal((await head).status, 200);
        assert.equal(sha256(await collect(stream)), sha256(body));
      };
      await Promise.all(Array.from({ length: 100 }, (_, turn) => one(turn)));
      assert.ok(!session.destroyed && !session.closed, 'the connection is gone');
    },
  },
  {
    name: 'HTTP/2: a stream nobody reads does not hold up the others',
    async run(target) {
      const session = connectHttp2(target);
      const stalled = beginStream(session, { path: '/bytes/4000000' }, true);
      await headOf(stalled);
      for (let turn = 0; turn < 10; turn += 1) {
        const stream = beginStream(session, { path: '/bytes/30000' }, true);
        assert.equal((await collect(stream)).length, 30_000);
      }
      assert.equal(sha256(await collect(stalled)), sha256(patterned(4_000_000)));
    },
  },
  {
    name: 'HTTP/2: an early answer whose stream the pod then closes is whole',
    async run(target) {
      const session = connectHttp2(target);
      const stream = beginStream(session, { method: 'POST', path: '/early?stop=1' }, false);
      const head = headOf(stream);
      stream.write(patterned(10_000));
      assert.equal((await head).status, 413);
      let text = '';
      stream.on('data', (chunk) => {
        text += chunk;
      });
      await once(stream, 'close');
      assert.deepEqual([text, stream.rstCode], ['too large', http2.constants.NGHTTP2_NO_ERROR]);
      const reply = await nodeHttp2.open(target).ask({ path: '/bytes/3' });
      assert.equal(reply.body.length, 3);
    },
  },
  {
    name: 'HTTP/2: a ping is answered',
    async run(target) {
      const session = connectHttp2(target);
      await once(session, 'connect');
      const payload = Buffer.from('12345678');
      const answered = new Promise<Buffer>((resolve, reject) => {
        session.ping(payload, (error, _, answer) => (error ? reject(error) : resolve(answer)));
      });
      assert.deepEqual(await answered, payload);
    },
  },
  {
    name: 'HTTP/2: cookies in several fields are one for the pod',
    async run(target) {
      const session = connectHttp2(target);
      const stream = session.request({
        ':path': '/hash',
        ':authority': AUTHORITY,
        cookie: ['a=1', 'b=2'],
      });
      const seen = seenIn({ body: await collect(stream) });
      const cookies = seen.headers.filter((_, index) => seen.headers[index - 1] === 'cookie');
      assert.equal(cookies.join('; '), 'a=1; b=2');
      if (target.podVersion === '1.1') assert.equal(cookies.length, 1);
    },
  },
  {
    name: 'HTTP/2: plain CONNECT is refused, and the connection goes on',
    async run(target) {
      const session = connectHttp2(target);
      const stream = session.request({ ':method': 'CONNECT', ':authority': 'elsewhere:80' });
      stream.on('error', () => undefined);
      const { status, headers } = await headOf(stream);
      assert.equal(status, 405);
      assert.match(headers[headers.indexOf('allow') + 1] ?? '', /^GET, HEAD, POST/);
      const next = beginStream(session, { path: '/bytes/3' }, true);
      assert.equal((await collect(next)).length, 3);
    },
  },
];

const balanced: Omit<Case, 'port'> = {
  name: 'HTTP/2: requests of one connection reach both pods',
  gatewayOnly: true,
  combine: true,
  async run(target) {
    const session = nodeHttp2.open(target);
    const pods = new Map<string, number>();
    const ask = async () => {
      const { pod } = seenIn(await session.ask({ path: '/hash' }));
      pods.set(pod, (pods.get(pod) ?? 0) + 1);
    };
    // A pod that was slow once, as on a busy machine, rightly gets little for a while: how long is
    // the balancer's affair, that both get their part in the end is this one's.
    const fair = () => pods.size === 2 && [...pods.values()].every((count) => count >= 10);
    while (!fair() && !target.signal.aborted) await Promise.all(Array.from({ length: 10 }, ask));
    assert.ok(fair(), JSON.stringify([...pods]));
  },
};

export const http2Cases: readonly Case[] = [
  ...at(['h2c-auto', 'h2c'], cases),
  ...at(['http1'], cases, { direct: 'h2c' }),
  ...at(['balanced-h2c', 'balanced-auto', 'balanced-http1'], [balanced]),
];
