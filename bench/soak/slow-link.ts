/**
 * A slow link between two gateways: a proxy that passes on so many bytes a second in each direction, of all its
 * connections together and in turn, and holds no more than a router would.
 */
import net, { type AddressInfo } from 'node:net';
import type { Address } from '#core/network.ts';

/** One megabit a second, in bytes. */
export const MEGABIT = 125_000;
/** What a packet carries. */
const PACKET_BYTES = 1_448;
/** Of one connection in one direction: a quarter of a second. */
const BUFFER_BYTES = 32 * 1_024;
const TICK_MS = 5;

/** What one connection has to send in one direction. */
interface Flow {
  readonly from: net.Socket;
  readonly to: net.Socket;
  readonly pieces: Buffer[];
  bytes: number;
  ended: boolean;
}

export class SlowLink {
  /** Connections there have been. */
  connections = 0;
  /** Bytes that passed, there and back. */
  readonly passed = [0, 0];
  readonly #to: Address;
  readonly #bytesPerSecond: number;
  readonly #server: net.Server;
  readonly #open = new Set<net.Socket>();
  readonly #flows: [Set<Flow>, Set<Flow>] = [new Set(), new Set()];
  readonly #credit = [0, 0];
  #timer: NodeJS.Timeout | undefined;
  #atMs = 0;

  constructor(to: Address, bytesPerSecond = MEGABIT) {
    this.#to = to;
    this.#bytesPerSecond = bytesPerSecond;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      this.#connect(near);
    });
  }

  /** Begins to listen; where to dial. */
  async start(): Promise<Address> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#atMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#server.close();
    for (const each of this.#open) each.destroy();
  }

  #connect(near: net.Socket): void {
    this.connections += 1;
    const far = net.connect({ ...this.#to, allowHalfOpen: true, noDelay: true });
    this.#carry(near, far, 0);
    this.#carry(far, near, 1);
  }

  #carry(from: net.Socket, to: net.Socket, direction: 0 | 1): void {
    const flow: Flow = { from, to, pieces: [], bytes: 0, ended: false };
    const flows = this.#flows[direction];
    flows.add(flow);
    this.#open.add(from);
    from.on('data', (bytes: Buffer) => {
      flow.pieces.push(bytes);
      flow.bytes += bytes.length;
      if (flow.bytes >= BUFFER_BYTES) from.pause();
    });
    from.on('end', () => {
      flow.ended = true;
    });
    // The other side hears of it by its end.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#open.delete(from);
      flows.delete(flow);
      to.destroy();
    });
  }

  #tick(): void {
    const nowMs = performance.now();
    const more = ((nowMs - this.#atMs) * this.#bytesPerSecond) / 1_000;
    this.#atMs = nowMs;
    for (const direction of [0, 1] as const) {
      // Nobody saves up for later.
      const most = PACKET_BYTES + (this.#bytesPerSecond * TICK_MS * 4) / 1_000;
      this.#credit[direction] = Math.min(most, (this.#credit[direction] ?? 0) + more);
      while ((this.#credit[direction] ?? 0) > 0 && this.#packet(direction));
    }
  }

  /** Passes one packet on, of whose turn it is; false: there is none. */
  #packet(direction: 0 | 1): boolean {
    const flows = this.#flows[direction];
    for (const flow of flows) {
      const first = flow.pieces[0];
      if (first === undefined) {
        if (flow.ended) flow.to.end();
        continue;
      }
      const bytes = first.subarray(0, PACKET_BYTES);
      if (bytes.length === first.length) flow.pieces.shift();
      else flow.pieces[0] = first.subarray(bytes.length);
      flow.bytes -= bytes.length;
      if (flow.bytes < BUFFER_BYTES) flow.from.resume();
      flow.to.write(bytes);
      this.#credit[direction] = (this.#credit[direction] ?? 0) - bytes.length;
      this.passed[direction] = (this.passed[direction] ?? 0) + bytes.length;
      // To the end of the line.
      flows.delete(flow);
      flows.add(flow);
      return true;
    }
    return false;
  }
}
