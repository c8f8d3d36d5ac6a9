/**
 * The reference experiment (linkerd-examples `add-steps`): ten servers, the slower the worse, under fifty clients
 * that all ask at the same moment, ten times a second, and wait for one answer each.
 *
 * Assumptions as in `docs/decisions/0012-balancer.md`: a gateway with one CPU that takes 0.1 ms for each request and as
 * much for each answer, and 0.4 ms and an exponential 0.2 ms more between gateway and servers and back. What
 * the gateway measures is the time until an answer arrives.
 */
import { Cpu } from '../cpu.ts';
import { GET, SimExchange } from '../exchange.ts';
import type { Run } from '../run.ts';
import type { Scenario } from '../scenario.ts';
import type { Figures, Seen } from '../tally.ts';

const LATENCIES_MS = [0, 10, 20, 40, 80, 160, 320, 640, 1_000, 2_000];
const SUCCESS_RATES = [1, 1, 1, 1, 1, 1, 1, 1, 0.6, 0.4];
const CLIENTS = 50;
const PERIOD_MS = 100;
const CPU_MS = 0.1;
/** Between the starts of two clients. */
const APART_MS = 0.001;

/** What the design promises, from the simulation it was chosen by. */
export const PROMISED = { p50Ms: 7.4, p95Ms: 9.6, p99Ms: 9.8, p999Ms: 10, rps: 500, success: 1 };

/** Plays it for `measuredMs` after `warmUpMs`; `oracle`: nothing but the first server exists. */
export async function playReference(
  run: Run,
  warmUpMs: number,
  measuredMs: number,
  oracle = false,
): Promise<Figures> {
  const { world, tally } = run;
  const { clock } = world;
  const cluster = world.add('west', {
    wireMs: (random) => 0.2 - Math.log(1 - random.next()) * 0.1,
  });
  for (const [at, latencyMs] of LATENCIES_MS.slice(0, oracle ? 1 : undefined).entries())
    cluster.add({ serviceMs: () => latencyMs, successRate: SUCCESS_RATES[at] ?? 1 });
  world.start();
  const cpu = new Cpu(clock, CPU_MS);
  const [gateway] = cluster.gateways;
  const ask = (done: () => void) => {
    const seen: Seen = {
      atMs: clock.monotonicMs(),
      latencyMs: 0,
      ok: false,
      by: undefined,
      attempts: 1,
      hedges: 0,
    };
    const exchange = new SimExchange(GET, (status, code) =>
      cpu.run(() => {
        const latencyMs = clock.monotonicMs() - seen.atMs;
        tally.add({ ...seen, latencyMs, ok: status === 200 && code === undefined });
        done();
      }),
    );
    cpu.run(() =>
      gateway?.outward(exchange, ({ attempts, hedges }) => {
        seen.attempts = attempts;
        seen.hedges = hedges;
      }),
    );
  };
  for (let client = 0; client < CLIENTS; client += 1) startClient(run, client * APART_MS, ask);
  await run.until(warmUpMs + measuredMs + 5_000);
  return tally.between(warmUpMs, warmUpMs + measuredMs);
}

/** A Go ticker with room for one tick: what comes while that one waits is dropped. */
function startClient(run: Run, atMs: number, ask: (done: () => void) => void): void {
  const { clock } = run.world;
  let busy = false;
  let due = false;
  const work = () => {
    busy = true;
    due = false;
    ask(() => {
      busy = false;
      if (due) work();
    });
  };
  const tick = () => {
    if (busy) due = true;
    else work();
  };
  clock.after(atMs, () => {
    tick();
    clock.every(PERIOD_MS, tick);
  });
}

export const reference: Scenario = {
  name: 'reference',
  about: 'ten servers of 0 to 2,000 ms, two of them failing, under bursts of fifty',
  async play(run) {
    const figures = await playReference(run, 10_000, 10_000);
    const { p50Ms, p95Ms, p99Ms, rps, success } = figures;
    const within = (value: number, promised: number) => value <= promised * 1.15;
    run.expect(within(p50Ms, PROMISED.p50Ms), `p50 is ${p50Ms} ms`);
    run.expect(within(p95Ms, PROMISED.p95Ms), `p95 is ${p95Ms} ms`);
    run.expect(within(p99Ms, PROMISED.p99Ms), `p99 is ${p99Ms} ms`);
    run.expect(rps >= PROMISED.rps * 0.99, `${rps} requests a second`);
    run.expect(success === 1, `${success} succeeded`);
    return { ...figures };
  },
};
