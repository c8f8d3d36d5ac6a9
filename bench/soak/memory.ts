/** What honest crowds and large bodies cost the gateways in memory. */
import type { MemoryFigures } from './gateway-part.ts';
import { startPart } from './part.ts';
import { PORTS, type Stage } from './stage.ts';

/** One situation, both gateways. */
export interface MemoryRow {
  readonly name: string;
  readonly near: MemoryFigures;
  readonly far: MemoryFigures;
  /** What must be there for the figures to mean something. */
  readonly connections: number;
  readonly streams: number;
}

const IDLE_CONNECTIONS = 10_000;
const STREAMS = 2_000;
const BODY_BYTES = 1024 * 1024 * 1024;
const SETTLE_MS = 3_000;

/** Measures `stage`: at rest, with a crowd, after it, and while large bodies pass slowly. */
export async function measureMemory(
  stage: Stage,
  progress: (text: string) => void,
): Promise<MemoryRow[]> {
  const { host, near, far, pod } = stage;
  const rows: MemoryRow[] = [];
  const clients = startPart('clients');
  const measure = async (name: string) => {
    await sleep(SETTLE_MS);
    const row: MemoryRow = {
      name,
      near: await near.ask<MemoryFigures>('memory', true),
      far: await far.ask<MemoryFigures>('memory', true),
      connections: await clients.ask<number>('open'),
      streams: await pod.ask<number>('held'),
    };
    rows.push(row);
    progress(`${name}: ${JSON.stringify(row)}`);
  };
  const crowd = (count: number) => ({ host, port: PORTS.good, count });
  await measure('at rest');
  await clients.ask('idle', crowd(IDLE_CONNECTIONS));
  await measure('10,000 idle connections');
  await clients.ask('streams', crowd(STREAMS));
  await measure('and 2,000 streams');
  await clients.ask('end');
  await measure('after the crowd');
  clients.stop();
  return rows;
}

/** Measures what a 1 GiB body each way with a slow reader costs `stage`, which must be fresh. */
export async function measureBodies(
  stage: Stage,
  progress: (text: string) => void,
): Promise<MemoryRow[]> {
  const { host, near, far } = stage;
  const clients = startPart('clients');
  const both = async (name: string): Promise<MemoryRow> => {
    const row = {
      ...{ name, connections: 0, streams: 0 },
      near: await near.ask<MemoryFigures>('memory', true),
      far: await far.ask<MemoryFigures>('memory', true),
    };
    progress(`${name}: ${JSON.stringify(row)}`);
    return row;
  };
  await sleep(SETTLE_MS);
  const rest = await both('at rest');
  await clients.ask('bodies', { host, port: PORTS.good, count: BODY_BYTES });
  const after = await both('1 GiB each way, slow readers');
  clients.stop();
  return [rest, after];
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
