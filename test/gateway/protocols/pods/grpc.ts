/**
 * The gRPC pod: @grpc/grpc-js, messages as bare bytes, no .proto.
 */
import * as grpc from '@grpc/grpc-js';
import { sha256 } from '../case.ts';
import type { Journal } from '../journal.ts';
import type { Pod } from './pod.ts';

function method(name: string, requestStream: boolean, responseStream: boolean) {
  const same = (value: Buffer) => value;
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

export const ECHO = {
  unary: method('Unary', false, false),
  fail: method('Fail', false, false),
  wait: method('Wait', false, false),
  collect: method('Collect', true, false),
  spread: method('Spread', false, true),
  chat: method('Chat', true, true),
  failLate: method('FailLate', false, true),
} as const;

export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

type Unary = grpc.ServerUnaryCall<Buffer, Buffer>;
type Reply = grpc.sendUnaryData<Buffer>;

/** Metadata of the request, given back. */
function metadataFor(call: { metadata: grpc.Metadata }): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const value of call.metadata.get('x-token-bin')) metadata.add('x-token-bin', value);
  for (const value of call.metadata.get('x-text')) metadata.add('x-text', value);
  return metadata;
}

function failure(metadata: grpc.Metadata): Partial<grpc.StatusObject> {
  metadata.set('x-detail', 'why');
  metadata.set('x-detail-bin', Buffer.from([0, 255, 1]));
  return { code: grpc.status.FAILED_PRECONDITION, details: 'not now: 100 % é', metadata };
}

export async function startGrpc(journal: Journal): Promise<Pod> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  });
  server.addService(ECHO, {
    unary: (call: Unary, reply: Reply) => {
      const trailing = metadataFor(call);
      call.sendMetadata(metadataFor(call));
      reply(null, call.request, trailing);
    },
    fail: (call: Unary, reply: Reply) => reply(failure(metadataFor(call))),
    wait: (call: Unary, reply: Reply) => {
      const id = call.request.toString();
      const leftMs = Number(call.getDeadline()) - Date.now();
      journal.note(id, `deadline ${leftMs}`);
      call.on('cancelled', () => {
        journal.note(id, 'cancelled');
        reply({ code: grpc.status.CANCELLED });
      });
    },
    collect: (call: grpc.ServerReadableStream<Buffer, Buffer>, reply: Reply) => {
      const chunks: Buffer[] = [];
      call.on('data', (chunk: Buffer) => chunks.push(chunk));
      call.on('end', () => reply(null, Buffer.from(sha256(Buffer.concat(chunks)))));
    },
    spread: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      const count = Number(call.request.toString());
      for (let at = 0; at < count; at += 1) call.write(Buffer.from(`message ${at}`));
      call.end(metadataFor(call));
    },
    failLate: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      call.write(Buffer.from('one'));
      call.emit('error', failure(new grpc.Metadata()));
    },
    chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (chunk: Buffer) => call.write(chunk));
      call.on('end', () => call.end());
      call.on('error', () => undefined);
    },
  });
  const credentials = grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { port, destroy: () => server.forceShutdown() };
}
