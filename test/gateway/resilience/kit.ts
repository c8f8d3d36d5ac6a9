/**
 * The production relay and balancer between a client and pods that are functions, under a clock moved by hand.
 */
import type { Clock } from '#core/clock.ts';
import type { ErrorCode } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { seededRandom } from '#core/random.ts';
import { Balancer, balanceKey } from '#gateway/balance/balancer.ts';
import type { AttemptError } from '#gateway/http/attempt-error.ts';
import type {
  Attempt,
  AttemptListener,
  Exchange,
  ExchangeListener,
  UpstreamRequest,
} from '#gateway/http/exchange.ts';
import { HeldContent } from '#gateway/http/held.ts';
import type { RawHeaders, RequestHead, ResponseHead } from '#gateway/http/message.ts';
import { relay } from '#gateway/http/relay.ts';
import type { RelayRoute, RequestReport } from '#gateway/http/route.ts';
import { Guards } from '#gateway/resilience/guard.ts';
import { TRAFFIC_DEFAULTS, type TrafficSettings } from '#gateway/snapshot/traffic.ts';
import { emptySnapshot } from '#gateway/snapshot/types.ts';
import { seenIn } from '#gateway/wire/seen.ts';
import { HandClock } from '#test/gateway/loss/memory.ts';

export const TARGET = { namespace: 'shop', name: 'backend', port: 8080 };

/** What one attempt did and was told; the test plays the pod by it. */
export class PodCall implements Attempt {
  readonly key: string;
  readonly head: RequestHead;
  readonly attemptsLeft: number;
  readonly leftMs: number | undefined;
  received = '';
  ended = false;
  cancelled = false;
  readonly #listener: AttemptListener;

  constructor(key: string, request: UpstreamRequest, left: number, leftMs: number | undefined) {
    this.key = key;
    this.head = request.head;
    this.attemptsLeft = left;
    this.leftMs = leftMs;
    this.#listener = request.listener;
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.received += bytes.toString('latin1', from, to);
    if (end) this.ended = true;
  }

  end(): void {
    this.ended = true;
  }

  consumed(): void {
    // The pod is not held back.
  }

  cancel(): void {
    this.cancelled = true;
  }

  /** The pod answers, with content unless it is empty. */
  answer(status: number, headers: RawHeaders = [], content = ''): void {
    const end = content === '';
    const head = { status, headers, seen: seenIn(headers), upgrade: '', length: content.length };
    this.#listener.onAnswer(head, end);
    const bytes = Buffer.from(content);
    if (!end && !this.cancelled) this.#listener.onAnswerBody(bytes, 0, bytes.length, true);
  }

  fail(error: AttemptError): void {
    this.#listener.onFailed(error);
  }
}

/** A client that remembers what it was told. */
export class TestExchange implements Exchange {
  readonly head: RequestHead;
  readonly address = '10.0.0.9';
  listener!: ExchangeListener;
  answered: ResponseHead | undefined;
  content = '';
  ended = false;
  aborted: ErrorCode | undefined;

  constructor(head: Partial<RequestHead>) {
    const { headers = [] } = head;
    const common = { method: 'GET', path: '/', authority: 'backend', upgrade: '', length: 0 };
    this.head = { ...common, version: 'http1', ...head, headers, seen: seenIn(headers) };
  }

  get status(): number | undefined {
    return this.answered?.status;
  }

  header(name: string): string | undefined {
    const headers = this.answered?.headers ?? [];
    const at = headers.indexOf(name);
    return at < 0 ? undefined : headers[at + 1];
  }

  interim(): void {
    // No test looks at these.
  }

  answer(head: ResponseHead, end: boolean): void {
    if (this.answered !== undefined) throw new Error('answered twice');
    this.answered = head;
    this.ended = end;
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.content += bytes.toString('latin1', from, to);
    this.ended ||= end;
    this.listener.onAnswerSent(to - from);
  }

  end(): void {
    this.ended = true;
  }

  abort(code: ErrorCode): void {
    this.aborted = code;
  }

  consumed(): void {
    // The client is not held back.
  }

  discard(): void {
    // Nothing more comes.
  }
}

export interface Bench {
  readonly clock: HandClock;
  readonly balancer: Balancer;
  readonly guards: Guards;
  readonly calls: readonly PodCall[];
  readonly reports: readonly RequestReport[];
  /** What attempts throw instead of beginning; `undefined`: they begin. */
  unable: AttemptError | undefined;
  /** A request of a client. */
  send(head?: Partial<RequestHead>, route?: Partial<RelayRoute>): TestExchange;
  /** What differs from the defaults at first. */
  readonly change: Partial<TrafficSettings>;
  /** Gives the service other settings. */
  configure(change: Partial<TrafficSettings>): void;
}

/** A service of `pods` with the defaults, or `change` of them. */
export function serviceOf(pods: number, change: Partial<TrafficSettings> = {}): Bench {
  const clock = new HandClock();
  const calls: PodCall[] = [];
  const reports: RequestReport[] = [];
  const balancer = new Balancer({
    clock: clock as Clock,
    random: seededRandom(7),
    probe: () => Promise.resolve(true),
    remote: () => ({ weight: 0, roundTripMs: Number.NaN }),
  });
  const guards = new Guards(balancer, clock);
  const held = new HeldContent(() => undefined);
  const endpoints = Array.from({ length: pods }, (_, at) => ({
    host: `10.0.0.${at + 1}`,
    port: 8080,
    podName: `pod-${at}`,
  }));
  const configure = (settings: Partial<TrafficSettings>) => {
    const traffic = { ...TRAFFIC_DEFAULTS, ...settings };
    const ports = new Map([[8080, { hint: 'http' as const, protocol: undefined, endpoints }]]);
    const service = { namespace: 'shop', name: 'backend', exported: true, ports, traffic };
    balancer.update({ ...emptySnapshot, services: new Map([['shop/backend', service]]) });
  };
  configure(change);
  const bench: Bench = {
    clock,
    balancer,
    guards,
    calls,
    reports,
    unable: undefined,
    change,
    configure,
    send(head = {}, route = {}) {
      const exchange = new TestExchange(head);
      const own: RelayRoute = {
        service: 'shop/backend',
        guard: guards.of(balanceKey(TARGET)),
        attemptsMax: 5,
        unsentOnly: false,
        timeoutMs: undefined,
        start({ key }, request, _exchange, left, leftMs) {
          if (bench.unable !== undefined) throw bench.unable;
          const call = new PodCall(key, request, left, leftMs);
          calls.push(call);
          return call;
        },
      };
      const context = { clock, log: silentLogger, held };
      relay(
        exchange,
        exchange.head,
        { ...own, ...route },
        {
          ...context,
          report: (report) => void reports.push(report),
        },
      );
      return exchange;
    },
  };
  return bench;
}
