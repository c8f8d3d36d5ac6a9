/**
 * Both directions of a {@link SlowLink} filled by downloads and uploads through the near gateway, and small requests
 * beside them.
 */

import http from 'node:http';
import { median } from '#core/figures.ts';
import { MEGABIT, type SlowLink } from './slow-link.ts';
import { PORTS, type Stage } from './stage.ts';

/** What is asked for, and how long. */
export interface Saturation {
  /** A listener of the near gateway; its pod answers `/bytes/N` at length and reads whatever it is sent. */
  readonly host: string;
  readonly port: number;
  readonly seconds: number;
}

/** What became of the small requests. */
export interface SaturationFigures {
  readonly asked: number;
  readonly answered: number;
  /** Milliseconds, of those that were answered. */
  readonly medianMs: number;
  readonly maxMs: number;
  readonly failures: readonly string[];
}

/** A {@link SlowLink} that was full for a while. */
export interface SlowLinkFigures extends SaturationFigures {
  /** Tunnels that were lost. */
  readonly lost: number;
  /** Of what the link can carry there and back, the parts that passed. */
  readonly filled: readonly number[];
}

/** Fills `link`, over which the gateways of `stage` are linked, for so long. */
export async function measureSlowLink(
  { host, near }: Stage,
  link: SlowLink,
  seconds: number,
): Promise<SlowLinkFigures> {
  const { connections } = link;
  const [there = 0, back = 0] = link.passed;
  const startMs = performance.now();
  const figures = await saturate({ host, port: PORTS.good, seconds });
  const most = ((performance.now() - startMs) / 1_000) * MEGABIT;
  const connected = await near.ask<boolean>('connected', 'far');
  const lost = link.connections - connections + (connected ? 0 : 1);
  const filled = [((link.passed[0] ?? 0) - there) / most, ((link.passed[1] ?? 0) - back) / most];
  return { ...figures, lost, filled };
}

/** Each way. */
const TRANSFERS = 4;
const BYTES = 1_000_000_000;
const EVERY_MS = 250;
/** How long a small request is waited for. */
const PATIENCE_MS = 10_000;

/** Fills the link for so long; resolves when every small request has been answered or has failed. */
export async function saturate({ host, port, seconds }: Saturation): Promise<SaturationFigures> {
  const transfers = [];
  for (let at = 0; at < TRANSFERS; at += 1) {
    transfers.push(download(host, port), upload(host, port));
  }
  const tookMs: number[] = [];
  const failures: string[] = [];
  const asked: Promise<void>[] = [];
  const untilMs = performance.now() + seconds * 1_000;
  while (performance.now() < untilMs) {
    const startMs = performance.now();
    asked.push(
      askSmall(host, port).then(
        () => void tookMs.push(performance.now() - startMs),
        (error: unknown) => void failures.push(String(error)),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  await Promise.all(asked);
  for (const each of transfers) each.destroy();
  return {
    ...{ asked: asked.length, answered: tookMs.length, failures },
    medianMs: median(tookMs) ?? Number.NaN,
    maxMs: tookMs.length === 0 ? Number.NaN : Math.max(...tookMs),
  };
}

function askSmall(host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sent = http.get({ host, port, path: '/', agent: false, timeout: PATIENCE_MS }, (answer) => {
    answer.resume();
    answer.once('error', reject);
    answer.once('end', () => {
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`status ${answer.statusCode}`));
    });
  });
  sent.once('timeout', () => sent.destroy(new Error('no answer')));
  sent.once('error', reject);
  return promise;
}

function download(host: string, port: number): http.ClientRequest {
  const sent = http.get({ host, port, path: `/bytes/${BYTES}`, agent: false }, (answer) => {
    answer.on('error', () => undefined);
    answer.resume();
  });
  return sent.on('error', () => undefined);
}

function upload(host: string, port: number): http.ClientRequest {
  const headers = { 'content-length': String(BYTES) };
  const sent = http.request({ host, port, path: '/sink', method: 'POST', headers, agent: false });
  const block = Buffer.alloc(64 * 1_024, 0x61);
  const more = () => {
    while (!sent.destroyed && sent.write(block));
  };
  sent.on('drain', more);
  // Broken off when enough was asked.
  sent.on('error', () => undefined);
  more();
  return sent;
}
