/**
 * gRPC by @grpc/grpc-js: every kind of call, metadata, failures, deadlines, cancellation.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { at, type Case, freshId, patterned, sha256, type Target } from '../case.ts';
import { ECHO, MESSAGE_BYTES_MAX } from '../pods/grpc.ts';

const EchoClient = grpc.makeGenericClientConstructor(ECHO, 'Echo');

type Callback = (error: grpc.ServiceError | null, value?: Buffer) => void;

interface Echo extends grpc.Client {
  unary(
    data: Buffer,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    done: Callback,
  ): grpc.ClientUnaryCall;
  fail(data: Buffer, metadata: grpc.Metadata, done: Callback): grpc.ClientUnaryCall;
  wait(data: Buffer, options: grpc.CallOptions, done: Callback): grpc.ClientUnaryCall;
  collect(done: Callback): grpc.ClientWritableStream<Buffer>;
  spread(data: Buffer, metadata: grpc.Metadata): grpc.ClientReadableStream<Buffer>;
  failLate(data: Buffer): grpc.ClientReadableStream<Buffer>;
  chat(): grpc.ClientDuplexStream<Buffer, Buffer>;
}

function open(target: Target): Echo {
  const client = new EchoClient(
    `${target.host}:${target.port}`,
    grpc.credentials.createInsecure(),
    {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    },
  ) as unknown as Echo;
  target.defer(() => client.close());
  return client;
}

function unary(client: Echo, data: Buffer, metadata = new grpc.Metadata()): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.unary(data, metadata, {}, (error, value) =>
      error ? reject(error) : resolve(value ?? Buffer.alloc(0)),
    );
  });
}

function failureOf(begin: (done: Callback) => void): Promise<grpc.ServiceError> {
  return new Promise((resolve, reject) => {
    begin((error) => (error ? resolve(error) : reject(new Error('the call succeeded'))));
  });
}

function withMetadata(): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set('x-token-bin', Buffer.from([0, 1, 254, 255]));
  metadata.add('x-text', 'one');
  metadata.add('x-text', 'two');
  return metadata;
}

function checkFailure({ code, details, metadata }: grpc.StatusObject): void {
  assert.equal(code, grpc.status.FAILED_PRECONDITION, details);
  assert.equal(details, 'not now: 100 % é');
  assert.deepEqual(metadata.get('x-detail'), ['why']);
  assert.deepEqual(metadata.get('x-detail-bin'), [Buffer.from([0, 255, 1])]);
}

function checkMetadata(metadata: grpc.Metadata): void {
  assert.deepEqual(metadata.get('x-token-bin'), [Buffer.from([0, 1, 254, 255])]);
  assert.equal(metadata.get('x-text').join(', '), 'one, two');
}

const cases: readonly Omit<Case, 'port'>[] = [
  {
    name: 'gRPC: a unary call, with binary metadata before and after the answer',
    combine: true,
    async run(target) {
      const client = open(target);
      const metadata: grpc.Metadata[] = [];
      const done = Promise.withResolvers<Buffer | undefined>();
      const call = client.unary(Buffer.from('hello'), withMetadata(), {}, (error, value) =>
        error ? done.reject(error) : done.resolve(value),
      );
      call.on('metadata', (each: grpc.Metadata) => metadata.push(each));
      const status = once(call, 'status') as Promise<[grpc.StatusObject]>;
      assert.equal(String(await done.promise), 'hello');
      const [{ metadata: trailing }] = await status;
      checkMetadata(metadata[0] ?? new grpc.Metadata());
      checkMetadata(trailing);
    },
  },
  {
    name: 'gRPC: messages of 4 MiB and of nothing',
    async run(target) {
      const client = open(target);
      const message = patterned(4 * 1024 * 1024, 30);
      assert.equal(sha256(await unary(client, message)), sha256(message));
      assert.equal((await unary(client, Buffer.alloc(0))).length, 0);
    },
  },
  {
    name: 'gRPC: the client streams',
    async run(target) {
      const client = open(target);
      const done = Promise.withResolvers<Buffer | undefined>();
      const call = client.collect((error, value) =>
        error ? done.reject(error) : done.resolve(value),
      );
      const body = patterned(1_000_000, 31);
      for (let from = 0; from < body.length; from += 10_000) {
        call.write(body.subarray(from, from + 10_000));
      }
      call.end();
      assert.equal(String(await done.promise), sha256(body));
    },
  },
  {
    name: 'gRPC: the server streams',
    async run(target) {
      const call = open(target).spread(Buffer.from('500'), withMetadata());
      const status = once(call, 'status') as Promise<[grpc.StatusObject]>;
      let count = 0;
      for await (const message of call) {
        assert.equal(String(message), `message ${count}`);
        count += 1;
      }
      assert.equal(count, 500);
      checkMetadata((await status)[0].metadata);
    },
  },
  {
    name: 'gRPC: both stream, in turns',
    combine: true,
    async run(target) {
      const call = open(target).chat();
      for (let turn = 0; turn < 20; turn += 1) {
        call.write(Buffer.from(`turn ${turn}`));
        const [message] = await once(call, 'data');
        assert.equal(String(message), `turn ${turn}`);
      }
      const status = once(call, 'status') as Promise<[grpc.StatusObject]>;
      call.end();
      assert.equal((await status)[0].code, grpc.status.OK);
    },
  },
  {
    name: 'gRPC: a failure without an answer carries status, text and metadata',
    combine: true,
    async run(target) {
      const client = open(target);
      const error = await failureOf((done) => client.fail(Buffer.from('x'), withMetadata(), done));
      checkFailure(error);
      checkMetadata(error.metadata);
    },
  },
  {
    name: 'gRPC: a failure after the first message',
    async run(target) {
      const call = open(target).failLate(Buffer.from('x'));
      const messages: string[] = [];
      call.on('data', (message) => messages.push(String(message)));
      const [error] = (await once(call, 'error')) as [grpc.ServiceError];
      checkFailure(error);
      assert.deepEqual(messages, ['one']);
    },
  },
  {
    name: 'gRPC: an unknown method is the answer of the pod',
    async run(target) {
      const client = open(target);
      const same = (value: Buffer) => value;
      const error = await failureOf((done) =>
        client.makeUnaryRequest('/test.Echo/None', same, same, Buffer.from('x'), done),
      );
      assert.equal(error.code, grpc.status.UNIMPLEMENTED);
      assert.match(error.details, /test\.Echo\/None/);
    },
  },
  {
    name: 'gRPC: a deadline reaches the server and ends the call on both sides',
    combine: true,
    async run(target) {
      const client = open(target);
      const id = freshId();
      // A first call, so that connecting takes nothing of the deadline.
      await unary(client, Buffer.from('x'));
      const deadline = Date.now() + 600;
      const error = await failureOf((done) => client.wait(Buffer.from(id), { deadline }, done));
      assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
      assert.ok(Math.abs(Date.now() - deadline) < 400, 'ended at another time');
      const left = Number((await target.journal.until(id, /^deadline/)).split(' ')[1]);
      assert.ok(left > 0 && left <= 610, `the server was given ${left} ms`);
      await target.journal.until(id, /^cancelled/);
    },
  },
  {
    name: 'gRPC: a cancelled call is cancelled for the server',
    async run(target) {
      const client = open(target);
      const id = freshId();
      const failure = failureOf((done) => {
        const call = client.wait(Buffer.from(id), {}, done);
        void target.journal.until(id, /^deadline/).then(() => call.cancel(), done);
      });
      assert.equal((await failure).code, grpc.status.CANCELLED);
      await target.journal.until(id, /^cancelled/);
    },
  },
  {
    name: 'gRPC: a thousand calls at once',
    combine: true,
    timeoutMs: 15_000,
    async run(target) {
      const client = open(target);
      const one = async (turn: number) => {
        const message = patterned(100 + turn, turn % 256);
        assert.equal(sha256(await unary(client, message)), sha256(message));
      };
      await Promise.all(Array.from({ length: 1_000 }, (_, turn) => one(turn)));
    },
  },
];

export const grpcCases: readonly Case[] = at(['grpc', 'grpc-auto'], cases);
