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

/** What the system says of all connections at one moment. */
export class TcpTable {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /**
   * How often data was sent again, or a sign of life asked for, since the far side last answered; 0 where it has
   * answered, or nothing is known. Of several connections with these ports the least.
   */
  unanswered({ localPort, remotePort }: Ports): number {
    const ends = `:${hex(localPort)} [0-9A-F]+:${hex(remotePort)}`;
    const row = new RegExp(`${ends} (\\w\\w) \\w+:\\w+ (\\w\\w):\\w+ (\\w+) +\\d+ +(\\d+) `, 'g');
    let least = Number.POSITIVE_INFINITY;
    for (const [, state, timer, again = '', probes] of this.#text.matchAll(row)) {
      if (state === TIME_WAIT) continue;
      const repeated = timer === RETRANSMITS ? Number.parseInt(again, 16) : 0;
      least = Math.min(least, Math.max(repeated, Number(probes)));
    }
    return least === Number.POSITIVE_INFINITY ? 0 : least;
  }
}

/** Reads the system's table; an empty one where there is none to read, so that nobody is taken to be gone. */
export async function readTcpTable(): Promise<TcpTable> {
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
