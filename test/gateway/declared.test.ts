/** Clients of a port that declares HTTP: nothing that is none is carried past the rules for requests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { exporting, listener, startCluster, startPod, type TestCluster } from './world.ts';

let cluster: TestCluster;
let pod: Awaited<ReturnType<typeof startPod>>;

before(async () => {
  pod = await startPod('pod', (incoming, response) => {
    response.end(JSON.stringify([incoming.headers['x-forwarded-for'], incoming.headers.forged]));
  });
  cluster = await startCluster('west');
  await cluster.set({
    ...exporting([pod.endpoint]),
    listeners: new Map([
      [10_001, listener(10_001, { local: true })],
      [10_002, listener(10_002, { local: true, hint: 'http' })],
    ]),
  });
});

after(async () => {
  pod.destroy();
  await cluster.stop();
});

/** What `text` is answered with by the listener of `port`. */
async function ask(port: number, text: string): Promise<string> {
  const socket = net.connect(port, cluster.host);
  let answer = '';
  socket.setEncoding('latin1').on('data', (part) => {
    answer += part;
  });
  socket.write(text);
  await once(socket, 'end');
  socket.destroy();
  return answer;
}

const FIELDS = 'host: a\r\nx-forwarded-for: 192.0.2.6\r\nconnection: forged, close\r\nforged: x';

test('a request behind an empty line is a request, whether HTTP is declared or not', async () => {
  for (const port of [10_001, 10_002]) {
    const answer = await ask(port, `\r\nGET / HTTP/1.1\r\n${FIELDS}\r\n\r\n`);
    assert.match(answer, /\["192\.0\.2\.6, 127\.0\.0\.1",null\]/);
  }
});

test('what is no HTTP is refused where that is declared', async () => {
  for (const start of ['get / HTTP/1.1', '\x16\x03\x01\x02', 'GET /  HTTP/1.1']) {
    const answer = await ask(10_002, `${start}\r\n${FIELDS}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 (400|501|505) .*connection: close/s, start);
  }
});
