/**
 * What must hold in every simulation, whatever goes wrong in it: looked at with every pick and every tick.
 */
import { describeService, type EndpointReport } from '#gateway/balance/describe.ts';
import type { Endpoint } from '#gateway/balance/endpoint.ts';
import { STANDING } from '#gateway/balance/members.ts';
import type { ServiceBalancer } from '#gateway/balance/service.ts';
import { TUNING } from '#gateway/balance/tuning.ts';
import type { Observer, SimGateway } from './gateway.ts';

/** More are not worth reading. */
const PROBLEMS_MAX = 20;
const ATTEMPTS_AFTER_THE_FIRST = 2;
/** Estimates are sums of fractions. */
const TOLERANCE = 1.000_001;

export class Checks implements Observer {
  readonly problems: string[] = [];
  /** Of everything that was chosen, for comparing two runs. */
  trace = 0;
  #nowMs = () => 0;
  readonly #slowest = new Map<ServiceBalancer, number>();

  /** From now on problems are told with the time. */
  useClock(nowMs: () => number): void {
    this.#nowMs = nowMs;
  }

  report(problem: string): void {
    if (this.problems.length < PROBLEMS_MAX)
      this.problems.push(`at ${this.#nowMs().toFixed(1)} ms: ${problem}`);
  }

  chosen(service: ServiceBalancer, endpoint: Endpoint, attemptsLeft: number): void {
    const { local, remote, explored } = service;
    const { table } = local;
    const standing = table.standing[endpoint.slot] as number;
    this.trace = (Math.imul(this.trace, 31) + endpoint.slot + standing) | 0;
    const first = attemptsLeft === ATTEMPTS_AFTER_THE_FIRST;
    const group = endpoint.kind === 'local' ? local : remote;
    if (!first || standing === STANDING.ACTIVE || explored || group.panic) return;
    if (local.active + remote.active === 0) return;
    this.report(`${endpoint.key} was chosen, standing ${standing}, while others are available`);
  }

  ended(service: ServiceBalancer, _endpoint: Endpoint, tookMs: number): void {
    const slowest = this.#slowest.get(service) ?? TUNING.unknownMs;
    if (tookMs > slowest) this.#slowest.set(service, tookMs);
  }

  /** Looks at everything `gateway` knows. */
  tick(gateway: SimGateway): void {
    const nowMs = this.#nowMs();
    for (const [name, service] of gateway.balancer.entries()) {
      const { local, remote } = describeService(service, nowMs);
      const where = `${gateway.cluster.name}, ${name}`;
      this.#inFlight(gateway, service, [...local, ...remote], where);
      for (const each of local) this.#estimates(service, each, where);
      this.#probes(service, where);
      this.#bounds(service, where);
    }
  }

  #inFlight(
    gateway: SimGateway,
    service: ServiceBalancer,
    endpoints: readonly EndpointReport[],
    where: string,
  ): void {
    const open = gateway.open.get(service);
    for (const { endpoint, inFlight, waiting } of endpoints) {
      const own = open?.get(endpoint) ?? 0;
      // Of one that left and came back, what was under way then is another endpoint's.
      if (inFlight > own || inFlight < 0 || waiting < 0 || waiting > inFlight)
        this.report(`${where}: ${endpoint} counts ${inFlight} (${waiting}) of ${own} under way`);
    }
  }

  #estimates(
    service: ServiceBalancer,
    { endpoint, latencyMs }: EndpointReport,
    where: string,
  ): void {
    const slowest = this.#slowest.get(service) ?? TUNING.unknownMs;
    if (latencyMs === null || (latencyMs > 0 && latencyMs <= slowest * TOLERANCE)) return;
    this.report(`${where}: ${endpoint} is taken to need ${latencyMs} ms, none took ${slowest}`);
  }

  /** An ejected endpoint is probed within twice its backoff. */
  #probes({ local: { members, table, ejection } }: ServiceBalancer, where: string): void {
    const nowMs = this.#nowMs();
    for (let at = 0; at < members.alive; at += 1) {
      const slot = members.slots[at] as number;
      const standing = table.standing[slot] as number;
      if (standing !== STANDING.FAILING && standing !== STANDING.UNREACHABLE) continue;
      const doubled = ejection.backoffMs * 2 ** ((table.ejections[slot] as number) - 1);
      const backoffMs = 1.2 * Math.min(doubled, ejection.backoffMaxMs);
      const overdueMs = nowMs - (table.probeAtMs[slot] as number);
      if (overdueMs > backoffMs + 2 * TUNING.tickMs)
        this.report(`${where}: ${table.handles[slot]?.key} waits ${overdueMs} ms for its probe`);
    }
  }

  #bounds({ local, remote, settings, exploration }: ServiceBalancer, where: string): void {
    for (const { members, capacity, kind } of [local, remote]) {
      const allowed = Math.max(1, Math.floor(settings.ejection.ejectedShareMax * members.count));
      const failing = members.countOf(STANDING.FAILING);
      if (kind === 'local' && failing > allowed)
        this.report(`${where}: ${failing} of ${members.count} are ejected for bad answers`);
      if (!(capacity.health >= 0 && capacity.health <= 1))
        this.report(`${where}: the health of ${kind} is ${capacity.health}`);
    }
    if (exploration.tokens > TUNING.explorationsMax) this.report(`${where}: too many explorations`);
  }
}
