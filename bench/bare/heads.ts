/**
 * A pair that reads every head and writes it anew, with the gateways' codecs, and does nothing else a gateway does:
 * nobody chooses, repeats, limits, times, counts or adds anything.
 */
import net, { type Socket } from 'node:net';
import { FRAMING_NONE, framingOfLength, type Head } from '#gateway/wire/http1/message.ts';
import type { HeadOptions } from '#gateway/wire/http1/writer.ts';
import { Speaker } from './speaker.ts';
import { type Stream, Streams } from './streams.ts';

const KEPT: HeadOptions = { framing: FRAMING_NONE, keepAlive: true, upgrade: '', http10: false };

/** Takes clients that come by what it returns, and carries what they ask for by `tunnel`. */
export function nearHeads(tunnel: Socket): (client: Socket) => void {
  const streams: Streams = new Streams(tunnel, 'client', {
    onHeaders({ owner }, { status, headers, contentLength }, end) {
      const framing = end ? FRAMING_NONE : framingOfLength(contentLength);
      owner?.writer.response(status, 'OK', headers.slice(2), { ...KEPT, framing });
      owner?.said();
    },
    onBody({ owner }, bytes, from, to, end) {
      owner?.writer.body(bytes, from, to);
      if (end) owner?.writer.end();
      owner?.said();
    },
  });
  const hears = {
    onHead(client: Speaker, { method, path, authority, headers }: Head) {
      const list = [':method', method, ':scheme', 'http', ':path', path, ':authority', authority];
      for (let at = 0; at < headers.length; at += 2)
        if (headers[at] !== 'host') list.push(headers[at] as string, headers[at + 1] as string);
      streams.connection.open(list, true, client);
      streams.said();
    },
    onBody() {
      // Its requests have no content.
    },
  };
  return (client) => {
    new Speaker(client, 'request', hears);
  };
}

/** Has what comes by `tunnel` answered by the pod at `host` and `port`. */
export function farHeads(tunnel: Socket, host: string, port: number): void {
  const idle: Speaker[] = [];
  const asked = new WeakMap<Speaker, Stream>();
  const streams: Streams = new Streams(tunnel, 'server', {
    onHeaders(stream, { method, path, authority, headers, fieldsAt }) {
      let pod = idle.pop();
      while (pod?.gone) pod = idle.pop();
      pod ??= new Speaker(
        net.connect({ host, port, noDelay: true, allowHalfOpen: true }),
        'response',
        hears,
      );
      asked.set(pod, stream);
      pod.parser.expectResponseTo(method);
      pod.writer.request(method, path, authority, headers.slice(fieldsAt), KEPT);
      pod.said();
    },
    onBody() {
      // Its requests have no content.
    },
  });
  const hears = {
    onHead(pod: Speaker, { status, headers, framing }: Head) {
      const stream = asked.get(pod) as Stream;
      const end = framing.length === 0;
      streams.connection.sendHeaders(stream, [':status', String(status), ...headers], end);
      streams.said();
      if (end) idle.push(pod);
    },
    onBody(pod: Speaker, bytes: Buffer, from: number, to: number, end: boolean) {
      streams.connection.sendData(asked.get(pod) as Stream, bytes, from, to, end);
      streams.said();
      if (end) idle.push(pod);
    },
  };
}
