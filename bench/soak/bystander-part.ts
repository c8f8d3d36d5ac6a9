/**
 * The bystander: asks at a fixed rate whatever becomes of the answers, and times each from when it was
 * due, so that a gateway that stands still is not asked less. Several gateways are asked in the same moments.
 */
import http from 'node:http';
import { answerQuestions } from './answers.ts';

/** Where and how to ask. */
export interface Bystanding {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** What became of it; milliseconds. */
export interface BystanderFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly answered: number;
  readonly failed: number;
}

const LOST_MS = 10_000;

/** Serves until the soak ends. */
export function begin(): void {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  answerQuestions({
    measure: (how: Bystanding) => Promise.all(how.hosts.map((host) => measure(host, how, agent))),
  });
}

async function measure(
  host: string,
  { port, perSecond, seconds }: Bystanding,
  agent: http.Agent,
): Promise<BystanderFigures> {
  const total = perSecond * seconds;
  const latencies: number[] = [];
  let failed = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const startMs = performance.now();
  let begun = 0;
  const done = () => {
    if (latencies.length + failed === total) resolve();
  };
  const ticker = setInterval(() => {
    const nowMs = performance.now();
    while (begun < total && startMs + (begun * 1_000) / perSecond <= nowMs) {
      const dueMs = startMs + (begun * 1_000) / perSecond;
      begun += 1;
      ask(host, port, agent).then(
        () => {
          latencies.push(performance.now() - dueMs);
          done();
        },
        () => {
          failed += 1;
          done();
        },
      );
    }
    if (begun === total) clearInterval(ticker);
  }, 1);
  await promise;
  latencies.sort((one, other) => one - other);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? LOST_MS;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), answered: latencies.length, failed };
}

function ask(host: string, port: number, agent: http.Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = http.get(
      { host, port, agent, path: '/', localAddress: '127.0.0.3', timeout: LOST_MS },
      (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`)),
        );
        answer.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
  });
}
