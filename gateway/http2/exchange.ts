/**
 * Requests that come as HTTP/2 streams, from clients and from peers alike.
 */
import { type ErrorCode, IsthmusError } from '#core/errors.ts';
import { HEADER_UPGRADE } from '#core/names.ts';
import type { Dates } from '../http/date.ts';
import type { Exchange, ExchangeListener } from '../http/exchange.ts';
import {
  LENGTH_UNKNOWN,
  type NeverIndexed,
  type RawHeaders,
  type RequestHead,
  type ResponseHead,
} from '../http/message.ts';
import type { HeaderBlock } from '../wire/hpack/block.ts';
import { H2_CODE } from '../wire/http2/frames.ts';
import type { Http2Stream } from '../wire/http2/stream.ts';
import type { Http2Endpoint } from './endpoint.ts';
import type { StreamOwner } from './handler.ts';
import { StreamSender } from './sender.ts';

export class Http2Exchange implements Exchange, StreamOwner {
  readonly head: RequestHead;
  readonly address: string | undefined;
  listener: ExchangeListener = NOBODY;
  readonly #endpoint: Http2Endpoint;
  readonly #stream: Http2Stream<StreamOwner>;
  readonly #sender: StreamSender;
  /** What is said of when answers came that do not tell; `undefined` where the other side is a gateway. */
  readonly #dates: Dates | undefined;
  #discarding = false;
  #over = false;
  /** More of the answer is left where it comes from until others have sent theirs. */
  #behind = false;
  /** Content told and not yet consumed. */
  #heldBytes = 0;

  constructor(
    endpoint: Http2Endpoint,
    stream: Http2Stream<StreamOwner>,
    head: RequestHead,
    address: string | undefined,
    dates?: Dates,
  ) {
    this.#endpoint = endpoint;
    this.#stream = stream;
    this.#sender = new StreamSender(endpoint, stream);
    this.head = head;
    this.address = address;
    this.#dates = dates;
  }

  interim(head: ResponseHead): void {
    const list = withStatus(head, '');
    this.#endpoint.connection.sendHeaders(this.#stream, list, false, head.neverIndexed);
    this.#endpoint.touch();
  }

  answer(head: ResponseHead, end: boolean): void {
    const tells = this.#dates === undefined || head.dated === true;
    const list = withStatus(head, tells ? '' : this.#dates.text);
    this.#endpoint.connection.sendHeaders(this.#stream, list, end, head.neverIndexed);
    this.#endpoint.touch();
    if (end) this.#stopIfAnswered();
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    const sent = this.#sender.body(bytes, from, to, end);
    if (sent > 0) this.listener.onAnswerSent(sent);
    this.#stopIfAnswered();
  }

  crowded(): boolean {
    this.#behind = !this.#over && this.#endpoint.connection.crowded(this.#stream);
    return this.#behind;
  }

  end(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    this.#sender.end(trailers, neverIndexed);
    this.#stopIfAnswered();
  }

  abort(code: ErrorCode): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#endpoint.reset(this.#stream, resetCodeOf(this.head, code));
  }

  consumed(bytes: number): void {
    if (this.#over || this.#discarding) return;
    this.#heldBytes -= bytes;
    this.#endpoint.consumed(this.#stream, bytes);
  }

  discard(): void {
    this.#discarding = true;
    this.#release();
    this.#stopIfAnswered();
  }

  onHeaders(): void {
    // A second list without END_STREAM is refused by the codec: only answers come here.
    throw new IsthmusError('INTERNAL', 'an answer on a stream that asks');
  }

  onData(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#discarding || this.#over) {
      this.#endpoint.consumed(this.#stream, to - from);
      return;
    }
    this.#heldBytes += to - from;
    this.listener.onRequestBody(bytes, from, to, end);
  }

  onTrailers(block: HeaderBlock): void {
    if (!this.#discarding && !this.#over)
      this.listener.onRequestEnd(block.headers, block.sensitive);
  }

  onReset(): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.listener.onGone();
  }

  onWindow(): void {
    const sent = this.#sender.pump();
    if (sent > 0) this.listener.onAnswerSent(sent);
    else if (this.#behind) {
      this.#behind = false;
      this.listener.onAnswerSent(0);
    }
    this.#stopIfAnswered();
  }

  /** What nobody will read any more leaves the connection's account. */
  #release(): void {
    this.#endpoint.consumed(this.#stream, this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Asks for no more of a request whose answer is complete (RFC 9113 section 8.1). */
  #stopIfAnswered(): void {
    if (!this.#discarding || this.#over || !this.#sender.done || this.#stream.remoteClosed) return;
    this.#over = true;
    this.#endpoint.reset(this.#stream, H2_CODE.NO_ERROR);
  }
}

/** Reads `block` as a request; `end`: it has no content. */
export function requestHeadOf(block: HeaderBlock, end: boolean): RequestHead {
  const { path, seen, protocol } = block;
  const headers = block.headers.slice(block.fieldsAt);
  return {
    // An extended CONNECT asks for what GET with Upgrade asks for in HTTP/1 (RFC 8441 section 5).
    method: protocol === '' ? block.method : 'GET',
    path,
    authority: block.authority === '' ? hostOf(headers) : block.authority,
    headers,
    seen,
    upgrade: protocol,
    length: end ? 0 : block.contentLength > 0 ? block.contentLength : LENGTH_UNKNOWN,
    version: 'http2',
    neverIndexed: block.sensitive,
  };
}

function hostOf(fields: RawHeaders): string {
  for (let at = 0; at < fields.length; at += 2)
    if (fields[at] === 'host') return fields[at + 1] ?? '';
  return '';
}

function withStatus({ status, headers, upgrade }: ResponseHead, date: string): string[] {
  // HTTP/2 has no 101: a CONNECT that was accepted is answered 200 (RFC 8441 section 5).
  if (upgrade !== '') return [':status', '200', ...headers, HEADER_UPGRADE, upgrade];
  const { length } = headers;
  const list = new Array<string>(length + (date === '' ? 2 : 4));
  list[0] = ':status';
  list[1] = String(status);
  for (let at = 0; at < length; at += 1) list[at + 2] = headers[at] as string;
  if (date === '') return list;
  list[length + 2] = 'date';
  list[length + 3] = date;
  return list;
}

/** How the far side learns why: a connection that broke is told apart from a defect (RFC 9113 section 7). */
function resetCodeOf(head: RequestHead, code: ErrorCode): number {
  if (head.method === 'CONNECT') return H2_CODE.CONNECT_ERROR;
  return code === 'OVERLOADED' ? H2_CODE.ENHANCE_YOUR_CALM : H2_CODE.INTERNAL_ERROR;
}

const NOBODY: ExchangeListener = {
  onRequestBody: () => undefined,
  onRequestEnd: () => undefined,
  onAnswerSent: () => undefined,
  onGone: () => undefined,
};
