/**
 * Which header fields may pass a gateway. pure
 *
 * RFC 9110 section 7.6.1: hop-by-hop fields and those named in `Connection` end here. Fields of our
 * own end here too, in both directions, so that no client or server can forge them; only the list of
 * clusters passed is kept, for it can do nothing but make a request refused.
 */
import { HEADER_HOPS } from '#core/names.ts';
import { SEEN, seenBits } from '../wire/seen.ts';
import type { RawHeaders } from './message.ts';

const TRAILERS = /(^|,)\s*trailers\s*(;|,|$)/i;

/** What makes a list need to be gone through; any other travels on as it is. */
const SIFTED = SEEN.HOP | SEEN.CONNECTION | SEEN.TE | SEEN.CRUMBS | SEEN.OURS;

/** What the gateway knows of the client's side of a connection. */
export interface ClientFacts {
  readonly address: string | undefined;
  readonly authority: string;
}

/** The fields of `raw` that travel on, without those that belong to this hop or to us; `seen`: what it holds. */
export function endToEnd(raw: RawHeaders, seen: number): RawHeaders {
  if ((seen & SIFTED) === 0) return raw;
  const kept: string[] = [];
  addEndToEnd(kept, raw, seen);
  return kept;
}

/** {@link endToEnd} of an answer, to which no list of clusters passed belongs either. */
export function answerHeaders(raw: RawHeaders, seen: number): RawHeaders {
  if ((seen & (SIFTED | SEEN.HOPS)) === 0) return raw;
  const kept: string[] = [];
  addEndToEnd(kept, raw, seen, HEADER_HOPS);
  return kept;
}

/** {@link endToEnd} of a request, with the client's address added (RFC 7239, and its elder). */
export function requestHeaders(raw: RawHeaders, seen: number, client: ClientFacts): string[] {
  const { address, authority } = client;
  if ((seen & (SIFTED | SEEN.FORWARDED)) === 0 && address !== undefined) {
    return introduced(raw, seen, address, forwardedOf(address, authority));
  }
  const kept: string[] = [];
  // The authority of the head stands for it.
  addEndToEnd(kept, raw, seen, 'host');
  if (address === undefined) return kept;
  append(kept, 'x-forwarded-for', address, ', ');
  append(kept, 'forwarded', forwardedOf(address, authority), ', ');
  return kept;
}

/** A copy of `raw` with the client's address in place of `host`: by far the most requests need no more. */
function introduced(raw: RawHeaders, seen: number, address: string, forwarded: string): string[] {
  const hosts = (seen & SEEN.HOST) === 0 ? 0 : 2;
  // Made as long as it gets: a list that grows, or is cut, costs more than all that is put into it.
  const list = new Array<string>(raw.length + 4 - hosts);
  let to = 0;
  for (let at = 0; at < raw.length; at += 2) {
    if (hosts > 0 && raw[at] === 'host') continue;
    list[to] = raw[at] as string;
    list[to + 1] = raw[at + 1] as string;
    to += 2;
  }
  list[to] = 'x-forwarded-for';
  list[to + 1] = address;
  list[to + 2] = 'forwarded';
  list[to + 3] = forwarded;
  return list;
}

/** Adds what travels on of `raw` to `kept`, without fields named `left`. */
function addEndToEnd(kept: string[], raw: RawHeaders, seen: number, left = ''): void {
  const named = (seen & SEEN.CONNECTION) === 0 ? undefined : namedInConnection(raw);
  let cookieAt = -1;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    const value = raw[at + 1] as string;
    const bits = seenBits(name);
    if ((bits & (SEEN.HOP | SEEN.CONNECTION | SEEN.OURS)) !== 0 || name === left) continue;
    if (named?.has(name)) continue;
    if ((bits & SEEN.TE) !== 0) {
      // Of its codings only this one says something of the message, and gRPC servers insist on it.
      if (TRAILERS.test(value)) kept.push('te', 'trailers');
    } else if ((bits & SEEN.COOKIE) === 0 || cookieAt < 0) {
      if ((bits & SEEN.COOKIE) !== 0) cookieAt = kept.length + 1;
      kept.push(name, value);
    } else {
      // HTTP/2 may cut it into crumbs, which HTTP/1 does not know (RFC 9113 section 8.2.3).
      kept[cookieAt] = `${kept[cookieAt]}; ${value}`;
    }
  }
}

/** Whether the clusters passed, as `hops` lists them, hold `cluster`. */
export function passed(hops: string, cluster: string): boolean {
  return hops.includes(cluster) && hops.split(',').some((each) => each.trim() === cluster);
}

/** Adds this cluster to the clusters passed. */
export function addHop(headers: string[], cluster: string): void {
  append(headers, HEADER_HOPS, cluster, ',');
}

/** What `forwarded` says of a client, by its address: the same for request after request. */
const forwardings = new Map<string, { readonly authority: string; readonly value: string }>();
const FORWARDINGS_MAX = 4_096;

function forwardedOf(address: string, authority: string): string {
  const known = forwardings.get(address);
  if (known !== undefined && known.authority === authority) return known.value;
  const node = address.includes(':') ? `"[${address}]"` : address;
  const value = `for=${node};host="${quoted(authority)}";proto=http`;
  if (forwardings.size >= FORWARDINGS_MAX) forwardings.clear();
  forwardings.set(address, { authority, value });
  return value;
}

/** Behind the last field of that name: whoever reads the list from its end must find what we say, not the client. */
function append(headers: string[], name: string, value: string, separator: string): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    if (headers[at] !== name) continue;
    headers[at + 1] = `${headers[at + 1]}${separator}${value}`;
    return;
  }
  headers.push(name, value);
}

function namedInConnection(raw: RawHeaders): ReadonlySet<string> {
  const named = new Set<string>();
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at] !== 'connection') continue;
    for (const token of (raw[at + 1] ?? '').split(',')) named.add(token.trim().toLowerCase());
  }
  return named;
}

function quoted(text: string): string {
  return text.replace(/["\\]/g, '');
}
