/**
 * Follows a peer's catalog through the control tunnel, for as long as there is a Link.
 *
 * What the peer said last stays known while it cannot be heard. A stream that says nothing valid,
 * nothing at all for {@link SILENCE_MS}, or no whole line for {@link LINE_MS} is dropped, and a fresh snapshot asked for after a pause.
 */

import { backoffMs } from '#core/backoff.ts';
import {
  applyCatalogMessage,
  CATALOG_LIMITS,
  type Catalog,
  parseCatalogMessage,
} from '#core/catalog.ts';
import { type Clock, pause, type Timer } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { LineSplitter } from '#core/lines.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import { call } from '../http2/call.ts';
import { peerRequest } from '../tunnel/greeting.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { CatalogCell } from './source.ts';

export const CATALOG_PATH = '/isthmus/catalog';
const SILENCE_MS = 5_000;
/** The longest line there may be, at a quarter of a megabit a second. */
const LINE_MS = 135_000;
const RETRY = { firstMs: 100, maxMs: 5_000 };

export interface FollowOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** A control tunnel in which streams can be opened, if there is one. */
  control(): Tunnel | undefined;
  readonly signal: AbortSignal;
}

/** The peer's catalog; kept current until the signal aborts. */
export function followCatalog(options: FollowOptions): CatalogCell {
  const cell = new CatalogCell();
  void follow(cell, options);
  return cell;
}

async function follow(cell: CatalogCell, options: FollowOptions): Promise<void> {
  const { clock, random, log, signal } = options;
  let failures = 0;
  while (!signal.aborted) {
    const tunnel = options.control();
    try {
      if (tunnel) {
        await readStream(tunnel, cell, options, () => {
          failures = 0;
        });
      }
    } catch (error) {
      if (!signal.aborted) log.info('catalog stream ended', { error: describeError(error) });
    }
    failures += 1;
    const waitMs = tunnel ? backoffMs(RETRY, failures, random) : RETRY.firstMs;
    await pause(clock, waitMs, signal);
  }
}

async function readStream(
  tunnel: Tunnel,
  cell: CatalogCell,
  options: FollowOptions,
  onMessage: () => void,
): Promise<void> {
  const { clock, signal } = options;
  const stream = call(tunnel.endpoint, peerRequest('GET', CATALOG_PATH));
  const give = (why: string) => () => stream.destroy(new IsthmusError('TUNNEL_LOST', why));
  const silent = give(`the catalog was silent for ${SILENCE_MS} ms`);
  const slow = give(`a line of the catalog took longer than ${LINE_MS} ms`);
  let silence: Timer = clock.after(SILENCE_MS, silent);
  let patience: Timer = clock.after(LINE_MS, slow);
  const split = new LineSplitter(CATALOG_LIMITS.lineBytesMax);
  const stop = () => stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let known: Catalog | undefined;
  try {
    for await (const chunk of stream) {
      // A long line on a slow link takes its time, but it comes.
      silence.cancel();
      silence = clock.after(SILENCE_MS, silent);
      for (const line of split.push(chunk as Buffer)) {
        patience.cancel();
        patience = clock.after(LINE_MS, slow);
        const message = parseCatalogMessage(line);
        if (message === undefined) continue;
        known = applyCatalogMessage(known, message);
        if (known === undefined) {
          throw new IsthmusError(
            'TUNNEL_LOST',
            'the catalog does not continue what was said before',
          );
        }
        cell.set(known);
        onMessage();
      }
    }
  } finally {
    silence.cancel();
    patience.cancel();
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}
