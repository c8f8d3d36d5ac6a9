/**
 * Both HTTP/1 ends among clients and pods that leave whenever they like: nothing is left behind, and no
 * answer is ever another's.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';
import { listen, poolTo, RawClient, Relay, serve, until } from './support.ts';

const opened: { close(): unknown }[] = [];
after(() => Promise.all(opened.map((each) => each.close())));

function keep<T extends { close(): unknown }>(it: T): T {
  opened.push(it);
  return it;
}

/** Numbers that look random and come again (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('a thousand requests of which many break off somewhere', { timeout: 60_000 }, async () => {
  const random = dice(7);
  const server = http.createServer((request, response) => {
    const fate = request.headers['x-fate'];
    request.on('error', () => undefined);
    if (fate === 'reset') return request.socket.resetAndDestroy();
    if (fate === 'early') {
      response.end(`<${request.url}>`);
      return;
    }
    let size = 0;
    request.on('data', (bytes) => {
      size += bytes.length;
    });
    request.on('end', () => {
      response.setHeader('x-size', size);
      response.write(`<${request.url}>`);
      if (fate === 'half') request.socket.destroy();
      else if (fate === 'late') setTimeout(() => response.end(), 5);
      else response.end();
    });
    return;
  });
  const port = await listen(server);
  keep({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  const pool = keep(poolTo(port));
  let begun = 0;
  const front = keep(
    await serve((exchange) => {
      begun += 1;
      new Relay(exchange, pool);
    }),
  );
  const fates = ['', '', '', '', 'reset', 'early', 'half', 'late', 'late'];
  let answered = 0;

  async function client(id: number): Promise<void> {
    const raw = new RawClient(front.port);
    raw.socket.setNoDelay(true);
    let text = '';
    const count = 1 + Math.floor(random() * 5);
    const paths: string[] = [];
    for (let at = 0; at < count; at += 1) {
      const path = `/${id}-${at}`;
      paths.push(path);
      const fate = fates[Math.floor(random() * fates.length)];
      const size = random() < 0.5 ? 0 : Math.floor(random() * 30_000);
      text += `POST ${path} HTTP/1.1\r\nhost: a\r\nx-fate: ${fate}\r\n`;
      text +=
        random() < 0.5
          ? `content-length: ${size}\r\n\r\n${'z'.repeat(size)}`
          : `transfer-encoding: chunked\r\n\r\n${size ? `${size.toString(16)}\r\n${'z'.repeat(size)}\r\n` : ''}0\r\n\r\n`;
    }
    const leaves = random() < 0.3 ? Math.floor(random() * text.length) : text.length;
    for (let at = 0; at < leaves; ) {
      const to = Math.min(leaves, at + 1 + Math.floor(random() * 20_000));
      raw.send(text.slice(at, to));
      at = to;
      if (random() < 0.5) await new Promise((resolve) => setImmediate(resolve));
      if (raw.ended) break;
    }
    if (leaves < text.length) {
      if (random() < 0.5) raw.socket.resetAndDestroy();
      else raw.socket.end();
    }
    await raw.until(
      (self) => self.ended || (self.text.match(/<\/|UPSTREAM_/g) ?? []).length === count,
    );
    const seen = [...raw.text.matchAll(/<([^>]*)>|UPSTREAM_RESET/g)].map((each) => each[1]);
    for (const [at, path] of seen.entries()) {
      if (path !== undefined) assert.equal(path, paths[at]);
    }
    answered += seen.length;
    raw.socket.destroy();
  }

  for (let round = 0; round < 25; round += 1) {
    await Promise.all(Array.from({ length: 20 }, (_, at) => client(round * 20 + at)));
  }
  await until(() => front.connections.size === 0, 'the end of all clients');
  await until(() => pool.busy === 0, 'the end of all attempts');
  assert.ok(begun > 700 && answered > 400, `${begun} begun, ${answered} answered`);
});
