/**
 * Which header fields may pass a gateway. pure
 *
 * RFC 9110 section 7.6.1: hop-by-hop fields and those named in `Connection` end here. Fields of our
 * own end here too, in both directions, so that no client or server can forge them; only the list of
 * clusters passed is kept, for it can do nothing but make a request refused.
 */
import { HEADER_HOPS, HEADER_PREFIX } from '#core/names.ts';
import { headerValue, type RawHeaders } from './message.ts';

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

const TRAILERS = /(^|,)\s*trailers\s*(;|,|$)/i;

/** What the gateway knows of the client's side of a connection. */
export interface ClientFacts {
  readonly address: string | undefined;
  readonly authority: string;
}

/** The fields that travel on, in lower case, without those that belong to this hop or to us. */
export function endToEnd(raw: RawHeaders): string[] {
  const named = namedInConnection(raw);
  const kept: string[] = [];
  let cookieAt = -1;
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (name.startsWith(':') || HOP_BY_HOP.has(name) || named?.has(name)) continue;
    if (name.startsWith(HEADER_PREFIX) && name !== HEADER_HOPS) continue;
    if (name === 'cookie' && cookieAt >= 0) {
      // HTTP/2 may cut it into crumbs, which HTTP/1 does not know (RFC 9113 section 8.2.3).
      kept[cookieAt] = `${kept[cookieAt]}; ${raw[at + 1]}`;
      continue;
    }
    if (name === 'cookie') cookieAt = kept.length + 1;
    if (name !== 'te') kept.push(name, raw[at + 1] ?? '');
    // Of its codings only this one says something of the message, and gRPC servers insist on it.
    else if (TRAILERS.test(raw[at + 1] ?? '')) kept.push('te', 'trailers');
  }
  return kept;
}

/** {@link endToEnd} of a request, with the client's address added (RFC 7239, and its elder). */
export function requestHeaders(raw: RawHeaders, client: ClientFacts): string[] {
  const kept = endToEnd(raw);
  const host = kept.indexOf('host');
  // The authority of the head stands for it.
  if (host >= 0 && host % 2 === 0) kept.splice(host, 2);
  if (client.address === undefined) return kept;
  append(kept, 'x-forwarded-for', client.address, ', ');
  const node = client.address.includes(':') ? `"[${client.address}]"` : client.address;
  append(kept, 'forwarded', `for=${node};host="${quoted(client.authority)}";proto=http`, ', ');
  return kept;
}

/** The clusters a request has passed, oldest first. */
export function hopsOf(headers: RawHeaders): readonly string[] {
  const value = headerValue(headers, HEADER_HOPS);
  return value === undefined ? [] : value.split(',').map((each) => each.trim());
}

/** Adds this cluster to the clusters passed. */
export function addHop(headers: string[], cluster: string): void {
  append(headers, HEADER_HOPS, cluster, ',');
}

function append(headers: string[], name: string, value: string, separator: string): void {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== name) continue;
    headers[at + 1] = `${headers[at + 1]}${separator}${value}`;
    return;
  }
  headers.push(name, value);
}

function namedInConnection(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    if ((raw[at] ?? '').toLowerCase() !== 'connection') continue;
    named ??= new Set();
    for (const token of (raw[at + 1] ?? '').split(',')) named.add(token.trim().toLowerCase());
  }
  return named;
}

function quoted(text: string): string {
  return text.replace(/["\\]/g, '');
}
