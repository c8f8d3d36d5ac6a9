/**
 * What a gateway counts, under names `docs/metrics.md` explains.
 */
import { Counter, type Registry } from 'prom-client';
import type { RequestReport } from '../http/route.ts';
import { RequestMetrics, type RequestRow } from './requests.ts';

export interface GatewayMetrics {
  request(report: RequestReport): void;
  /** What was counted of requests since this was last asked; see `RequestMetrics.take`. */
  takeRequests(nowMs: number): Iterable<RequestRow | undefined>;
  /** Something was refused: by whom it was said, and the rule or bound it broke. */
  refused(source: RefusalSource, rule: string): void;
}

/** Where a refusal came from. */
export type RefusalSource = 'http1' | 'http2' | 'tunnel' | 'listener' | 'handshake' | 'requests';

/** Metrics; those with few series are fed into `registry`. */
export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const requests = new RequestMetrics();
  const refusals = new Counter({
    name: 'isthmus_refused_total',
    help: 'What broke a rule or passed a bound, by where it came from and the rule.',
    labelNames: ['source', 'rule'],
    registers,
  });
  return {
    request: (report) => requests.count(report),
    takeRequests: (nowMs) => requests.take(nowMs),
    refused: (source, rule) => refusals.inc({ source, rule }),
  };
}
