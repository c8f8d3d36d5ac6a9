/**
 * A tunnel that breaks at every point of an exchange: hello, head, content, trailers, end.
 *
 * Each request ends with the whole right answer or with an error, within the named deadlines, and
 * nothing is left behind.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { IsthmusError } from '#core/errors.ts';
import type { Hello } from '#core/hello.ts';
import type { AttemptError } from '#gateway/http/attempt-error.ts';
import type { AttemptListener, Exchange, ExchangeListener } from '#gateway/http/exchange.ts';
import type { RawHeaders } from '#gateway/http/message.ts';
import { startRemote } from '#gateway/http/remote.ts';
import { SILENCE_MS } from '#gateway/tunnel/peer.ts';
import { Tunnel } from '#gateway/tunnel/tunnel.ts';
import { type Fault, type FaultKind, HandClock, memoryPair } from './memory.ts';

/** Beyond the deadline of a hello, of silence, and of a last word. */
const PATIENCE_MS = 15_000;
const PARTS = ['one of three, ', 'two of three, ', 'and the last'];
const TARGET = 'shop/backend:8080';

interface Outcome {
  readonly answer: string | undefined;
  readonly trailers: string;
  readonly failure: AttemptError | undefined;
  readonly refused: unknown;
  readonly sent: readonly [number, number];
  /** Whether the request reached the other side. */
  readonly begun: boolean;
}

function hello(cluster: string): Hello {
  return {
    protocols: { min: 1, max: 1 },
    features: [],
    version: '1.0.0',
    cluster,
    replica: `${cluster}-0`,
    worker: 0,
    purpose: 'data',
    replicas: [`${cluster}-0`],
    wantsReverse: false,
  };
}

/** Gives back what came, in parts, with trailers. */
class Echo implements ExchangeListener {
  static open = 0;
  static begun = 0;
  readonly #exchange: Exchange;
  #body = '';
  #over = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    exchange.listener = this;
    Echo.open += 1;
    Echo.begun += 1;
  }

  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#body += bytes.toString('utf8', from, to);
    this.#exchange.consumed(to - from);
    if (end) this.onRequestEnd();
  }

  onRequestEnd(): void {
    if (this.#over) return;
    this.#end();
    this.#exchange.answer({ status: 200, headers: [], upgrade: '', length: -1 }, false);
    for (const part of this.#body.split(/(?<=, )/)) {
      const bytes = Buffer.from(part);
      this.#exchange.body(bytes, 0, bytes.length, false);
    }
    this.#exchange.end(['grpc-status', '0']);
  }

  onAnswerSent(): void {
    // It holds nothing back.
  }

  onGone(): void {
    if (!this.#over) this.#end();
  }

  #end(): void {
    this.#over = true;
    Echo.open -= 1;
  }
}

class Reader implements AttemptListener {
  body = '';
  status = 0;
  trailers: RawHeaders = [];
  failure: AttemptError | undefined;
  ends = 0;
  consumed: (bytes: number) => void = () => undefined;

  onInterim(): void {
    assert.fail('nobody sends one');
  }

  onAnswer(head: { status: number }, end: boolean): void {
    this.status = head.status;
    if (end) this.ends += 1;
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.body += bytes.toString('utf8', from, to);
    this.consumed(to - from);
    if (end) this.ends += 1;
  }

  onAnswerEnd(trailers: RawHeaders): void {
    this.trailers = trailers;
    this.ends += 1;
  }

  onRequestSent(): void {
    // It has sent everything already.
  }

  onFailed(error: AttemptError): void {
    this.failure = error;
    this.ends += 1;
  }
}

function ask(tunnel: Tunnel, reader: Reader): void {
  const head = {
    method: 'POST',
    path: '/echo',
    authority: 'backend',
    headers: [],
    upgrade: '',
    length: -1,
    seen: 0,
    version: 'http2' as const,
  };
  const passage = {
    target: TARGET,
    sourceCluster: 'west',
    caller: undefined,
    attempts: 0,
    timeoutMs: undefined,
  };
  try {
    const attempt = startRemote(tunnel, { head, listener: reader }, passage);
    reader.consumed = (bytes) => attempt.consumed(bytes);
    for (const part of PARTS) attempt.body(Buffer.from(part), 0, part.length, false);
    attempt.end(['x-checksum', '1']);
  } catch (error) {
    // The tunnel broke between its hello and the first request.
    reader.onFailed(error as AttemptError);
  }
}

async function exchange(fault: Fault | undefined): Promise<Outcome> {
  const begunBefore = Echo.begun;
  const clock = new HandClock();
  const { near, far, sent } = memoryPair(fault);
  const shared = { clock, accept: () => undefined };
  const server = new Tunnel({
    ...shared,
    connection: far,
    httpRole: 'server',
    hello: hello('east'),
    serve: (each) => void new Echo(each),
  });
  const client = new Tunnel({
    ...shared,
    connection: near,
    httpRole: 'client',
    hello: hello('west'),
    serve: () => assert.fail('the server opens no streams'),
  });
  // What the owner of a tunnel does each second.
  const ticker = clock.every(1_000, () => {
    for (const tunnel of [client, server]) {
      if (tunnel.closed.aborted || tunnel.peer === undefined) continue;
      if (tunnel.silentMs() > SILENCE_MS) tunnel.close(new IsthmusError('TUNNEL_LOST', 'silence'));
      else tunnel.ping();
    }
  });
  const reader = new Reader();
  let refused: unknown;
  client.ready.then(
    () => ask(client, reader),
    (error: unknown) => {
      refused = error;
    },
  );
  const over = () => reader.ends > 0 || refused !== undefined;
  for (let passedMs = 0; passedMs <= PATIENCE_MS && !over(); passedMs += 500) {
    for (let each = 0; each < 25 && !over(); each += 1) await turn();
    if (!over()) clock.advance(500);
  }
  if (fault?.kind === 'flip' && !over()) {
    // A bit that said "this is the end": who waits for more is told by the end of the tunnel.
    client.close(new IsthmusError('TUNNEL_LOST', 'over'));
    for (let each = 0; each < 6; each += 1) await turn();
  }
  assert.ok(over(), 'nothing hangs');
  assert.ok(reader.ends <= 1, 'it ends once');
  const whole = reader.failure === undefined && refused === undefined;
  const outcome: Outcome = {
    answer: whole ? reader.body : undefined,
    trailers: reader.trailers.join(),
    failure: reader.failure,
    refused,
    sent: sent(),
    begun: Echo.begun > begunBefore,
  };
  ticker.cancel();
  for (const tunnel of [client, server]) tunnel.close(new IsthmusError('TUNNEL_LOST', 'over'));
  for (let each = 0; each < 6; each += 1) await turn();
  assert.equal(reader.ends + (refused === undefined ? 0 : 1), 1, 'nothing is said after the end');
  assert.equal(Echo.open, 0, 'every request that came was told its end');
  for (const tunnel of [client, server]) assert.equal(tunnel.inFlight, 0);
  await assert.doesNotReject(client.ready.catch(() => undefined));
  await server.ready.catch(() => undefined);
  clock.advance(PATIENCE_MS);
  assert.equal(clock.pending, 0, 'no timer is left');
  return outcome;
}

const WHOLE = PARTS.join('');

async function everywhere(kind: FaultKind, check: (outcome: Outcome, at: string) => void) {
  const { sent } = await exchange(undefined);
  let tried = 0;
  for (const direction of [0, 1] as const) {
    for (let afterBytes = 0; afterBytes < sent[direction]; afterBytes += 1) {
      tried += 1;
      const at = `${kind} after ${afterBytes} bytes of direction ${direction}`;
      const outcome = await exchange({ kind, direction, afterBytes }).catch((error: unknown) => {
        throw new Error(at, { cause: error });
      });
      check(outcome, at);
    }
  }
  return tried;
}

test('without a fault the answer is whole', async () => {
  const { answer, trailers } = await exchange(undefined);
  assert.equal(answer, WHOLE);
  assert.equal(trailers, 'grpc-status,0');
});

for (const kind of ['cut', 'end', 'stall'] as const) {
  test(`${kind}: at every point the answer is whole, or there is an error`, async (t) => {
    const tried = await everywhere(kind, ({ answer, trailers, failure, refused, begun }, at) => {
      if (answer !== undefined) {
        assert.equal(answer, WHOLE, at);
        assert.equal(trailers, 'grpc-status,0', at);
        return;
      }
      const error = failure ?? refused;
      assert.ok(error instanceof IsthmusError, `${at}: ${String(error)}`);
      assert.match(error.code, /^(TUNNEL_LOST|UPSTREAM_RESET)$/, at);
      // What the other side has begun may never be called unsent, for then it would be repeated.
      assert.ok(!begun || failure?.neverSent !== true, at);
    });
    t.diagnostic(`${tried} points`);
  });
}

// Between gateways TLS notices; here a wrong bit of content is content. What is no content must not
// bring anything down, nor wait for ever.
test('flip: at every point it ends', async (t) => {
  t.diagnostic(`${await everywhere('flip', () => undefined)} points`);
});
