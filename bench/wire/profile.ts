/**
 * `npm run bench -- wire --only SCENARIO --profile DIR`: CPU profiles of both gateway workers under load.
 *
 * Isthmus alone, as it is measured; the workers are asked for their inspector by SIGUSR1, so nothing in
 * the product knows of it. Writes `west.cpuprofile` and `east.cpuprofile`, and prints where the time went.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Io } from '#cli/io.ts';
import { processTree } from '../kit/cpu.ts';
import { measure, onStage, type Stage } from './bench.ts';
import { Inspector } from './inspector.ts';
import { type IsthmusPair, startIsthmus } from './isthmus.ts';
import { summariseProfile } from './profile-summary.ts';
import { SCENARIO, type ScenarioName } from './scenarios.ts';
import { Wrk } from './wrk.ts';

const WARM_UP_MS = 3_000;
const PROFILE_MS = 5_000;
const INSPECTOR_WAIT_MS = 5_000;
const POLL_MS = 20;
/** Every pod has an address of its own, so the port is free; a worker takes the next one. */
const ENVIRONMENT = { NODE_OPTIONS: '--inspect-port=$(ISTHMUS_POD_IP):9229' };

/** Profiles each scenario of `names`; files are named after it where there are several. */
export async function profileWire(
  io: Io,
  names: readonly ScenarioName[],
  folder: string,
): Promise<void> {
  const output = resolve(io.cwd, folder);
  mkdirSync(output, { recursive: true });
  await onStage(io, async (stage) => {
    const wrk = new Wrk(stage.programs, stage.directory, io.clock);
    const pair = await startIsthmus(io, stage.directory, stage.host(0), {
      environment: ENVIRONMENT,
    });
    try {
      for (const name of names) {
        const prefix = names.length === 1 ? '' : `${name}-`;
        await profileScenario(io, stage, wrk, pair, name, join(output, prefix));
      }
    } finally {
      await pair.stop();
    }
  });
}

async function profileScenario(
  io: Io,
  stage: Stage,
  wrk: Wrk,
  pair: IsthmusPair,
  name: ScenarioName,
  prefix: string,
): Promise<void> {
  const scenario = SCENARIO[name];
  await measure(stage, wrk, pair, scenario, WARM_UP_MS);
  const inspectors = new Map<string, Inspector>();
  try {
    for (const [cluster, gateway] of Object.entries(pair.gateways))
      inspectors.set(cluster, await attach(workerOf(gateway.pid), gateway.log));
    for (const each of inspectors.values()) await each.call('Profiler.enable');
    for (const each of inspectors.values())
      await each.call('Profiler.setSamplingInterval', { interval: 250 });
    for (const each of inspectors.values()) await each.call('Profiler.start');
    const result = await measure(stage, wrk, pair, scenario, PROFILE_MS);
    io.err(`${name}: ${result.count} answers, ${Math.round(result.cpuMs)} ms of CPU\n`);
    for (const [cluster, each] of inspectors) {
      const { profile } = (await each.call('Profiler.stop')) as { profile: never };
      const path = `${prefix}${prefix.endsWith('-') ? '' : '/'}${cluster}.cpuprofile`;
      writeFileSync(path, JSON.stringify(profile));
      io.out(`${name}, ${cluster} (${path}):\n${summariseProfile(profile)}\n`);
    }
  } finally {
    for (const each of inspectors.values()) await each.close();
  }
}

/** The process that carries the traffic: the one child of the one that watches. */
function workerOf(pid: number): number {
  const worker = processTree([pid])[1];
  if (worker === undefined) throw new Error(`gateway ${pid} has no worker`);
  return worker;
}

async function attach(pid: number, log: string): Promise<Inspector> {
  const addresses = () =>
    readFileSync(log, 'utf8').match(/(?<=Debugger listening on )ws:\/\/\S+/g) ?? [];
  const before = addresses().length;
  process.kill(pid, 'SIGUSR1');
  const deadlineMs = performance.now() + INSPECTOR_WAIT_MS;
  for (;;) {
    const address = addresses().at(before);
    if (address !== undefined) return Inspector.connect(address);
    if (performance.now() > deadlineMs) throw new Error(`process ${pid} opens no inspector`);
    await new Promise((wait) => setTimeout(wait, POLL_MS));
  }
}
