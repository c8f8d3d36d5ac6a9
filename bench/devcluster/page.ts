/**
 * The section of `docs/performance.md` about the embedded API server. pure
 */
import type { DevclusterFigures } from './bench.ts';

/** Its lines. */
export function devclusterSection(figures: DevclusterFigures): string[] {
  const number = (value: number) => value.toLocaleString('en-US');
  const rows: readonly (readonly [string, string])[] = [
    ['objects kept', number(figures.objects)],
    ['heap per object', `${number(figures.heapBytesPerObject)} bytes`],
    ['creations a second, by server-side apply', number(figures.createsPerSecond)],
    ['applies a second, with all objects there', number(figures.appliesPerSecond)],
    ['applies per CPU-second of the server', number(figures.appliesPerCpuSecond)],
    [
      `applies a second, all heard by ${number(figures.watchers)} watchers`,
      number(figures.watchedAppliesPerSecond),
    ],
    ['events a second to them', number(figures.eventsPerSecond)],
    [
      'from write to event, at 50 writes a second to all of them',
      `p50 ${figures.eventP50Ms} ms, p99 ${figures.eventP99Ms} ms`,
    ],
    ['all objects listed in pages of 500', `${number(figures.listMs)} ms`],
  ];
  return [
    '',
    '## The embedded API server',
    '',
    'One server process over TLS, 32 connections that apply ConfigMaps with labels, each apply changing a value. An event is',
    'serialised once, however many watch. Command: `npm run bench -- devcluster`.',
    '',
    '| | |',
    '| --- | --- |',
    ...rows.map(([what, value]) => `| ${what} | ${value} |`),
  ];
}
