/**
 * A TCP connection to a local pod as an attempt: accepted is answered, its bytes are the content.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Address, Network } from '#core/network.ts';
import { formatAddress } from '#core/network.ts';
import { AttemptError } from '../http/attempt-error.ts';
import { DeferredAttempt } from '../http/deferred.ts';
import type { Attempt, AttemptListener, UpstreamRequest } from '../http/exchange.ts';
import { LENGTH_UNKNOWN, NO_HEADERS } from '../http/message.ts';
import { connectInTurn, mayConnectNow } from '../transport/connects.ts';
import { connectToPod } from '../transport/pod-socket.ts';
import { Transport } from '../transport/transport.ts';
import { type RawListener, RawStream } from './raw.ts';

/** A pod that has not accepted by then counts as one that refused. */
export const CONNECT_TIMEOUT_MS = 1_000;

/** Connects for `request`, now or in a turn to come where many connect. */
export function connectTcp(
  address: Address,
  request: UpstreamRequest,
  network: Network,
  clock: Clock,
): Attempt {
  if (mayConnectNow()) return new TcpAttempt(address, request, network, clock);
  const attempt = new DeferredAttempt(request);
  connectInTurn({
    connect: () => attempt.begin(() => new TcpAttempt(address, request, network, clock)),
  });
  return attempt;
}

const ACCEPTED = { status: 200, headers: NO_HEADERS, seen: 0, upgrade: '', length: LENGTH_UNKNOWN };

class TcpAttempt implements Attempt, RawListener {
  readonly #endpoint: string;
  readonly #listener: AttemptListener;
  readonly #raw: RawStream;
  readonly #timer: Timer;
  #connected = false;
  #ended = false;
  #over = false;

  constructor(address: Address, request: UpstreamRequest, network: Network, clock: Clock) {
    this.#endpoint = formatAddress(address);
    this.#listener = request.listener;
    const socket = connectToPod(network.locate(address));
    this.#raw = new RawStream(new Transport(socket), this);
    this.#timer = clock.after(CONNECT_TIMEOUT_MS, () => {
      socket.destroy(new Error(`not connected within ${CONNECT_TIMEOUT_MS} ms`));
    });
    socket.once('connect', () => this.#onConnect());
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#over) return;
    this.#raw.write(bytes, from, to);
    if (end) this.#raw.end();
  }

  end(): void {
    if (!this.#over) this.#raw.end();
  }

  consumed(bytes: number): void {
    this.#raw.consumed(bytes);
  }

  cancel(): void {
    this.#over = true;
    this.#timer.cancel();
    this.#raw.reset();
  }

  onRead(bytes: Buffer, from: number, to: number): void {
    if (!this.#over) this.#listener.onAnswerBody(bytes, from, to, false);
  }

  onReadEnd(): void {
    this.#ended = true;
    if (!this.#over) this.#listener.onAnswerEnd(NO_HEADERS);
  }

  onWritten(bytes: number): void {
    if (!this.#over) this.#listener.onRequestSent(bytes);
  }

  onClosed(error: NodeJS.ErrnoException | undefined): void {
    this.#timer.cancel();
    if (this.#over) return;
    this.#over = true;
    if (this.#ended && error === undefined) return;
    const why = error === undefined ? 'closed' : describeError(error);
    const failure = this.#connected
      ? new AttemptError('UPSTREAM_RESET', `${this.#endpoint} broke off: ${why}`, {
          neverSent: false,
          cause: error,
        })
      : new AttemptError('UPSTREAM_CONNECT', `cannot connect to ${this.#endpoint}: ${why}`, {
          neverSent: true,
          cause: error,
        });
    this.#listener.onFailed(failure);
  }

  #onConnect(): void {
    this.#connected = true;
    this.#timer.cancel();
    if (this.#over) return;
    this.#listener.onAnswer(ACCEPTED, false);
    this.#raw.start();
  }
}
