/**
 * Client and pod of the guard, in a thread of their own: what they allocate and write is not the gateways'.
 */
import net from 'node:net';
import { parentPort } from 'node:worker_threads';

/** What the thread is asked to do. */
export interface Order {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Requests that are sent in one write, and answered before the next. */
  readonly pipelined: number;
  readonly batches: number;
}

const BODY = 'x'.repeat(64);
let answered = 0;

const pod = net.createServer({ noDelay: true }, (socket) => {
  let rest = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const heads = (rest + chunk.toString('latin1')).split('\r\n\r\n');
    rest = heads.pop() ?? '';
    for (const _ of heads) {
      answered += 1;
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-length: 64\r\netag: "${answered}"\r\nx-answer: ${answered}\r\n\r\n${BODY}`,
      );
    }
  });
});

pod.listen(0, '127.0.0.1', () => parentPort?.postMessage((pod.address() as net.AddressInfo).port));
parentPort?.on('message', (order: Order) => {
  const loops = Array.from({ length: order.connections }, () => client(order));
  Promise.all(loops).then(
    () => parentPort?.postMessage('done'),
    (error: unknown) => parentPort?.postMessage(String(error)),
  );
});

let sent = 0;

/** One connection's batches, one after the other. Rejects on any answer but 200. */
function client({ host, port, pipelined, batches }: Order): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true });
    let left = batches;
    let expected = 0;
    let text = '';
    const send = () => {
      let bytes = '';
      for (expected = 0; expected < pipelined; expected += 1) {
        sent += 1;
        const id = sent.toString(16).padStart(32, '0');
        bytes += `GET /item/${sent} HTTP/1.1\r\nhost: backend.shop\r\naccept: */*\r\nx-request-id: ${id}\r\ntraceparent: 00-${id}-0123456789abcdef-01\r\ncookie: session=${id}\r\n\r\n`;
      }
      socket.write(bytes);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection ended')));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const parts = text.split(BODY);
      text = parts.pop() ?? '';
      for (const part of parts) {
        if (!part.startsWith('HTTP/1.1 200 ')) reject(new Error(part));
        expected -= 1;
      }
      if (expected > 0) return;
      left -= 1;
      if (left > 0) send();
      else {
        socket.removeAllListeners('close');
        socket.end();
        resolve();
      }
    });
  });
}
