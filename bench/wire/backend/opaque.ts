/**
 * Answers opaque requests: as many bytes of the pattern as were asked for, no faster than they leave.
 */
import type { Socket } from 'node:net';
import { BULK_BYTES, bulkBody, TRANSFER_REQUEST_BYTES } from '../traffic.ts';

/** Serves one connection until its end. */
export function serveOpaque(socket: Socket): void {
  let asked: Buffer = Buffer.alloc(0);
  let owed = 0;
  const block = bulkBody(0);
  const send = () => {
    while (owed > 0) {
      const bytes = block.subarray(0, Math.min(owed, BULK_BYTES));
      owed -= bytes.length;
      if (!socket.write(bytes)) return;
    }
  };
  socket.on('drain', send);
  socket.on('data', (chunk: Buffer) => {
    asked = Buffer.concat([asked, chunk]);
    while (asked.length >= TRANSFER_REQUEST_BYTES) {
      owed += asked.readUInt32BE(8);
      asked = asked.subarray(TRANSFER_REQUEST_BYTES);
    }
    send();
  });
}
