/**
 * Opaque transfers: connections that ask for many bytes, again and again.
 */
import net from 'node:net';
import { crc32 } from 'node:zlib';
import { BULK_BYTES, bulkBody, TRANSFER_BYTES, TRANSFER_REQUEST_BYTES } from '../traffic.ts';
import type { Load } from './meter.ts';

/** Transfers are summed up once in so many. */
const SUMMED_EACH = 8;
const RETRY_MS = 20;

/** `connections` that ask when they have what they asked for. */
export function opaqueLoop(connections: number): Load {
  return (target, meter) => {
    const sockets = new Set<net.Socket>();
    let over = false;
    const connect = () => {
      if (over) return;
      const socket = net.connect({ ...target, noDelay: true });
      sockets.add(socket);
      let got = 0;
      let sum = 0;
      let transfer = Math.floor(Math.random() * SUMMED_EACH);
      let startMs = performance.now();
      const isSummed = () => transfer % SUMMED_EACH === 0;
      socket.write(request());
      socket.on('data', (chunk: Buffer) => {
        got += chunk.length;
        meter.received(chunk.length);
        if (isSummed()) sum = crc32(chunk, sum);
        if (got < TRANSFER_BYTES) return;
        if (got > TRANSFER_BYTES) meter.failed('more bytes than were asked for');
        else if (isSummed() && sum !== expectedSum()) meter.failed('checksum');
        else meter.answered(startMs);
        transfer += 1;
        got = 0;
        sum = 0;
        startMs = performance.now();
        socket.write(request());
      });
      socket.on('error', (error) => {
        if (!over) meter.failed(error.message);
      });
      socket.on('close', () => {
        sockets.delete(socket);
        if (over) return;
        meter.failed('the connection ended');
        setTimeout(connect, RETRY_MS);
      });
    };
    for (let at = 0; at < connections; at += 1) connect();
    return () => {
      over = true;
      for (const each of sockets) each.destroy();
    };
  };
}

function request(): Buffer {
  const bytes = Buffer.alloc(TRANSFER_REQUEST_BYTES);
  bytes[0] = 0xff;
  bytes.write('bulk', 1, 'latin1');
  bytes.writeUInt32BE(TRANSFER_BYTES, 8);
  return bytes;
}

let known: number | undefined;

function expectedSum(): number {
  if (known === undefined) {
    let sum = 0;
    for (let at = 0; at < TRANSFER_BYTES; at += BULK_BYTES) sum = crc32(bulkBody(0), sum);
    known = sum;
  }
  return known;
}
