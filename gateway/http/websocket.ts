/**
 * WebSocket's handshake between HTTP versions: HTTP/1 proves with a key what HTTP/2 says with CONNECT
 * (RFC 6455 section 4, RFC 8441 section 5).
 */
import { createHash } from 'node:crypto';
import { headerValue, type RawHeaders, type RequestHead } from './message.ts';

const KEY = 'sec-websocket-key';
const ACCEPT = 'sec-websocket-accept';
/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Whether `upgrade` names WebSocket (RFC 6455 section 4.2.1: compared without case). */
export function isWebSocket(upgrade: string): boolean {
  return upgrade.toLowerCase() === 'websocket';
}

/** `head` for a server that speaks HTTP/1: with a key of `newKey` where the client's HTTP has none. */
export function withWebSocketKey(head: RequestHead, newKey: () => string): RequestHead {
  if (!isWebSocket(head.upgrade) || headerValue(head.headers, KEY) !== undefined) return head;
  return { ...head, headers: [...head.headers, KEY, newKey()] };
}

/** Fields of the answer that switched, as a client that sent `request` must see them. */
export function acceptFields(request: RequestHead, headers: RawHeaders): RawHeaders {
  if (!isWebSocket(request.upgrade)) return headers;
  const key = headerValue(request.headers, KEY);
  if (key === undefined) return headers.filter((_, at) => headers[at - (at % 2)] !== ACCEPT);
  if (headerValue(headers, ACCEPT) !== undefined) return headers;
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  return [...headers, ACCEPT, accept];
}
