/**
 * What the admin port answers, page by page.
 */
import type http from 'node:http';
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { normalisePath } from '#core/path.ts';
import { serveCatalog } from '../catalog/serve.ts';
import type { CatalogCell } from '../catalog/source.ts';
import type { BalancerReport, LinkReport } from './report.ts';

/** Every worker is asked for its metrics, and has requests to serve: who asks sooner gets what others got. */
export const METRICS_FRESH_MS = 1_000;

/** What there is to tell. */
export interface Pages {
  readonly clock: Clock;
  links(): Promise<readonly LinkReport[]>;
  /** `namespace/name` of every service that is balanced: mirrors and exports. */
  services(): Promise<readonly string[]>;
  /** The balancers of one of them, or of all, which takes a worker with thousands a while. */
  balancers(service: string | undefined): Promise<readonly BalancerReport[]>;
  /** What `cluster` exports and whom its Link trusts, or `undefined` where no Link names it. */
  catalog(cluster: string): { readonly trust: string; readonly cell: CatalogCell } | undefined;
  /** Empty when ready, else what is missing. */
  notReady(): readonly string[];
  metrics(): Promise<string>;
}

/** What `metrics` says, found out at most once each `freshMs` however often it is asked for. */
export function sharedFor(
  freshMs: number,
  { metrics, clock }: Pick<Pages, 'metrics' | 'clock'>,
): Pages['metrics'] {
  let fresh: Promise<string> | undefined;
  return () => {
    if (fresh !== undefined) return fresh;
    fresh = metrics();
    clock.after(freshMs, () => {
      fresh = undefined;
    });
    return fresh;
  };
}

/** Answers `request`; a client that is not `trusted` is told nothing of traffic and peers. */
export async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  trusted: boolean,
  pages: Pages,
): Promise<void> {
  const path = normalisePath(request.url ?? '/');
  request.resume();
  if (request.method !== 'GET') return text(response, 405, 'only GET is served\n');
  if (path === '/live') return text(response, 200, 'live\n');
  if (path === '/ready') {
    const missing = pages.notReady();
    const body = missing.length === 0 ? 'ready\n' : `not ready: ${missing.join(', ')}\n`;
    return text(response, missing.length === 0 ? 200 : 503, body);
  }
  if (path === '/metrics') return text(response, 200, await pages.metrics());
  if (!trusted) return text(response, 403, 'served over mTLS or loopback only\n');
  if (path === '/links') return json(response, { links: await pages.links() });
  const { searchParams } = new URL(request.url ?? '', 'http://gateway');
  if (path === '/services') return json(response, { services: await pages.services() });
  if (path === '/balancer') {
    const service = searchParams.get('service') ?? undefined;
    return json(response, { services: await pages.balancers(service) });
  }
  const cluster = /^\/catalogs\/([a-z0-9-]{1,63})$/.exec(path)?.[1];
  if (cluster === undefined) return text(response, 404, 'no such page\n');
  const known = pages.catalog(cluster);
  if (!known) return text(response, 404, `no Link names ${cluster}\n`);
  const trust = searchParams.get('trust');
  if (trust !== null && trust !== known.trust) {
    return text(response, 409, `the Link of ${cluster} is taken to trust others, here or there\n`);
  }
  const { cell } = known;
  if (pages.notReady().length > 0 || !cell.current()) {
    return text(response, 503, `nothing was heard from ${cluster} yet\n`);
  }
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.on('error', () => response.destroy());
  const end = () => void response.destroy();
  cell.closed.addEventListener('abort', end, { once: true });
  response.once('close', () => cell.closed.removeEventListener('abort', end));
  serveCatalog(cell, response, pages.clock);
}

/** Says that a page could not be made, for `error`. */
export function failed(response: http.ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else text(response, 500, `${describeError(error)}\n`);
}

function text(response: http.ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}

function json(response: http.ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
