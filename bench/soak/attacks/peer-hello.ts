/** The hello of the hostile peer: without it no gateway hears a further word. */
import type { Socket } from 'node:net';
import { type Hello, PROTOCOL_RANGE } from '#core/hello.ts';
import type { Frames } from './frames.ts';

const SETTLE_MS = 150;

/** What the hostile peer says of itself. */
export function hostileHello(cluster: string): Hello {
  return {
    protocols: PROTOCOL_RANGE,
    features: [],
    version: '0',
    cluster,
    replica: `${cluster}-0`,
    worker: 0,
    purpose: 'data',
    wantsReverse: false,
    replicas: [],
  };
}

/** Says hello as the side that opens streams, then goes on. */
export function greetAs(cluster: string, socket: Socket, frames: Frames, next: () => void): void {
  const content = Buffer.from(JSON.stringify(hostileHello(cluster)));
  frames.preface().settingsAck();
  frames.data(frames.request('POST', '/isthmus/hello', false), content, true);
  socket.write(frames.take());
  setTimeout(next, SETTLE_MS);
}
