/**
 * A gateway without Kubernetes: real workers under a real supervisor, with snapshots that a test makes.
 *
 * Run by `station.ts` as a process of its own, for node:cluster knows one gateway a process.
 */
import { Registry } from 'prom-client';
import { systemClock } from '#core/clock.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { LocalUpstream } from '#gateway/local.ts';
import { lostMetrics } from '#gateway/metrics/lost.ts';
import { probeEndpoint } from '#gateway/probe.ts';
import type { Snapshot } from '#gateway/snapshot/types.ts';
import { HTTP2_LIMITS } from '#gateway/wire/http2/limits.ts';
import { Supervisor } from '#gateway/worker/supervisor.ts';
import { createLogger } from '#runtime/log.ts';
import { programPath } from '#runtime/package.ts';

/** What a test may ask. */
type Asked = 'pids' | 'missing' | 'metrics' | 'links' | 'balancer';

/** What a test says. */
export type ToStation =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Asked }
  | { readonly kind: 'stop'; readonly graceMs: number };

/** What it hears. */
export interface FromStation {
  readonly id: number;
  readonly value: unknown;
}

const context = { clock: systemClock, random: systemRandom, network: identityNetwork };
const local = new LocalUpstream({ ...context, renewAtStreamId: HTTP2_LIMITS.renewAtStreamId });
const registry = new Registry();
const supervisor = new Supervisor({
  program: programPath('gateway/worker/main'),
  count: Number(process.env.TEST_WORKERS),
  clock: systemClock,
  random: systemRandom,
  log: createLogger('gateway', 'warn'),
  lost: lostMetrics(registry),
  probe: (probe) => probeEndpoint(probe, { ...context, local }),
  stillMs: milliseconds(process.env.TEST_STILL_MS),
  firstWordMs: milliseconds(process.env.TEST_FIRST_WORD_MS),
});
const unstartable = milliseconds(process.env.TEST_UNSTARTABLE_MS);
if (unstartable !== undefined) {
  const node = process.execPath;
  process.execPath = '/nowhere/node';
  setTimeout(() => {
    process.execPath = node;
  }, unstartable);
}
supervisor.start();
process.once('disconnect', () => process.exit(0));
process.on('message', (message: ToStation) => {
  if (message.kind === 'snapshot') supervisor.update(message.snapshot);
  else if (message.kind === 'stop')
    void supervisor.stop(message.graceMs).then(() => process.exit(0));
  else void answer(message.question).then((value) => process.send?.({ id: message.id, value }));
});

async function answer(question: Asked): Promise<unknown> {
  if (question === 'pids') return supervisor.pids;
  if (question === 'missing') return supervisor.notReady();
  if (question === 'metrics') return supervisor.metrics(await registry.getMetricsAsJSON());
  if (question === 'links') return supervisor.ask({ about: question });
  return supervisor.ask({ about: question, service: undefined });
}

function milliseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
