/**
 * How often the system has asked the far side of a connection in vain, as Linux tells it (`/proc/net/tcp`, proc_net_tcp
 * in the kernel's documentation).
 *
 * The kernel of whoever is slow, or has no room for further connections, acknowledges what it gets all the same. What is
 * sent again and again without an answer is the one sign that nobody is there.
 */
import { readFile } from 'node:fs/promises';

/** Connections of IPv4 and of IPv6. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;

/** The state that keeps what is long over (include/net/tcp_states.h). */
const TIME_WAIT = '06';
/** The timer by which data is sent again. */
const RETRANSMITS = '01';

/** A connection, by the ports of both ends. */
export interface Ports {
  readonly localPort: number;
  readonly remotePort: number;
}

/** A row: both ports, state, timer, repetitions, signs of life asked for. */
const ROW = /:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) (\w\w) \w+:\w+ (\w\w):\w+ (\w+) +\d+ +(\d+) /g;

/** What the system says of all connections at one moment. */
export class TcpTable {
  /** By both ports: those that wait for an answer, which are few. */
  readonly #waiting: ReadonlyMap<string, number>;

  constructor(text: string) {
    this.#waiting = waitingIn(text);
  }

  /**
   * How often data was sent again, or a sign of life asked for, since the far side last answered; 0 where it has
   * answered, or nothing is known. Of several connections with these ports the least.
   */
  unanswered({ localPort, remotePort }: Ports): number {
    return this.#waiting.get(hex(localPort) + hex(remotePort)) ?? 0;
  }
}

function waitingIn(text: string): Map<string, number> {
  const all = new Map<string, number>();
  for (const [, from = '', to = '', state, timer, again = '', probes] of text.matchAll(ROW)) {
    if (state === TIME_WAIT) continue;
    const repeated = timer === RETRANSMITS ? Number.parseInt(again, 16) : 0;
    const ports = from + to;
    const others = all.get(ports) ?? Number.POSITIVE_INFINITY;
    all.set(ports, Math.min(others, Math.max(repeated, Number(probes))));
  }
  for (const [ports, unanswered] of all) if (unanswered === 0) all.delete(ports);
  return all;
}

/** A table serves all who ask within so long: a node that is lost takes many pods with it. */
const SHARED_MS = 1_000;

let last: Promise<TcpTable> | undefined;
let lastMs = Number.NEGATIVE_INFINITY;

/**
 * The system's table, at `nowMs` less than a second old; an empty one where there is none to read, so that nobody is
 * taken to be gone. Never rejects.
 */
export function readTcpTable(nowMs: number): Promise<TcpTable> {
  if (last === undefined || nowMs < lastMs || nowMs - lastMs >= SHARED_MS) {
    last = read();
    lastMs = nowMs;
  }
  return last;
}

async function read(): Promise<TcpTable> {
  const texts = await Promise.all(
    TABLES.map((each) =>
      readFile(each, 'latin1').catch(() => {
        // Not Linux, or hidden: what is not known accuses nobody.
        return '';
      }),
    ),
  );
  return new TcpTable(texts.join('\n'));
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
