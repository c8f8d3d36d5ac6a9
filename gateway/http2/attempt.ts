/**
 * Attempts that are HTTP/2 streams: into a tunnel, or to a pod that speaks HTTP/2.
 */
import { AttemptError } from '../http/attempt-error.ts';
import type { Attempt, AttemptListener, UpstreamRequest } from '../http/exchange.ts';
import {
  type AnswerHead,
  isBodiless,
  LENGTH_UNKNOWN,
  type NeverIndexed,
  NO_HEADERS,
  type RawHeaders,
  type RequestHead,
} from '../http/message.ts';
import type { HeaderBlock } from '../wire/hpack/block.ts';
import { H2_CODE } from '../wire/http2/frames.ts';
import type { Http2Stream } from '../wire/http2/stream.ts';
import type { Http2Endpoint } from './endpoint.ts';
import type { StreamOwner } from './handler.ts';
import { StreamSender } from './sender.ts';

/** The highest status there is (RFC 9110 section 15); HTTP/2 itself demands but three digits. */
const STATUS_MAX = 599;

/** What tunnels and pods have of their own. */
export interface AttemptKind {
  /** What to say of a connection that broke. */
  lostError(why: string): AttemptError;
  /** The answer in `block`, a final one, or why it is none. */
  answerOf(block: HeaderBlock, head: RequestHead, end: boolean): AnswerHead | AttemptError;
}

/**
 * Opens a stream for `request` with `headers`, pseudo-headers first. Throws an {@link AttemptError} that
 * says the request was never sent when the connection takes no stream.
 */
export function startStream(
  endpoint: Http2Endpoint,
  headers: RawHeaders,
  request: UpstreamRequest,
  kind: AttemptKind,
): Attempt {
  const attempt = new Http2Attempt(endpoint, request, kind);
  const { head } = request;
  const ends = head.length === 0 && head.upgrade === '' && head.method !== 'CONNECT';
  const stream = endpoint.connection.open(headers, ends, attempt, head.neverIndexed);
  if (stream === undefined) {
    const { code } = kind.lostError('');
    throw new AttemptError(code, 'the connection takes no more streams', { neverSent: true });
  }
  attempt.attach(stream);
  endpoint.touch();
  return attempt;
}

class Http2Attempt implements Attempt, StreamOwner {
  readonly #endpoint: Http2Endpoint;
  readonly #head: RequestHead;
  readonly #listener: AttemptListener;
  readonly #kind: AttemptKind;
  #stream: Http2Stream<StreamOwner> | undefined;
  #sender: StreamSender | undefined;
  #over = false;
  /** Content of the answer still to come by its length; -1 while nobody knows. */
  #answerLeft = LENGTH_UNKNOWN;
  /** Content told and not yet consumed. */
  #heldBytes = 0;

  constructor(endpoint: Http2Endpoint, request: UpstreamRequest, kind: AttemptKind) {
    this.#endpoint = endpoint;
    this.#head = request.head;
    this.#listener = request.listener;
    this.#kind = kind;
  }

  attach(stream: Http2Stream<StreamOwner>): void {
    this.#stream = stream;
    // A request without content needs none.
    if (!stream.localClosed) this.#sender = new StreamSender(this.#endpoint, stream);
  }

  body(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#over) return;
    const sent = this.#sender?.body(bytes, from, to, end) ?? 0;
    if (sent > 0) this.#listener.onRequestSent(sent);
  }

  end(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    if (!this.#over) this.#sender?.end(trailers, neverIndexed);
  }

  consumed(bytes: number): void {
    if (this.#over || this.#stream === undefined) return;
    this.#heldBytes -= bytes;
    this.#endpoint.consumed(this.#stream, bytes);
  }

  cancel(): void {
    if (this.#over) return;
    this.#end();
    const code = this.#head.method === 'CONNECT' ? H2_CODE.CONNECT_ERROR : H2_CODE.CANCEL;
    if (this.#stream !== undefined) this.#endpoint.reset(this.#stream, code);
  }

  onHeaders(block: HeaderBlock, end: boolean): void {
    if (this.#over) return;
    if (block.status < 200) {
      const headers = block.headers.slice(2);
      const { status, seen, sensitive: neverIndexed } = block;
      this.#listener.onInterim({ status, headers, seen, upgrade: '', length: 0, neverIndexed });
      return;
    }
    const answer =
      block.status > STATUS_MAX
        ? malformed(`the status ${block.status}`)
        : this.#kind.answerOf(block, this.#head, end);
    if (!(answer instanceof AttemptError)) {
      this.#answerLeft = answer.length;
      this.#listener.onAnswer(answer, end);
      return;
    }
    this.cancel();
    this.#listener.onFailed(answer);
  }

  onData(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#heldBytes += to - from;
    if (this.#answerLeft > 0) this.#answerLeft -= to - from;
    this.#listener.onAnswerBody(bytes, from, to, end);
  }

  onTrailers(block: HeaderBlock): void {
    this.#listener.onAnswerEnd(block.headers, block.sensitive);
  }

  onReset(code: number, byPeer: boolean): void {
    if (this.#over) return;
    this.#end();
    if (byPeer && code === H2_CODE.NO_ERROR && this.#answerLeft === 0) {
      // It asks for no more of the request (RFC 9113 section 8.1), and has said all it announced.
      this.#listener.onAnswerEnd(NO_HEADERS);
      return;
    }
    if (!byPeer) {
      this.#listener.onFailed(this.#endedHere(code));
      return;
    }
    const neverSent = code === H2_CODE.REFUSED_STREAM;
    const message = `the stream was reset with code ${code}`;
    this.#listener.onFailed(new AttemptError('UPSTREAM_RESET', message, { neverSent }));
  }

  onWindow(): void {
    const sent = this.#sender?.pump() ?? 0;
    if (sent > 0) this.#listener.onRequestSent(sent);
  }

  /** Why we broke the stream off: with its connection, for nothing moved on it, or for what was sent on it. */
  #endedHere(code: number): AttemptError {
    if (this.#endpoint.connection.ended) return this.#kind.lostError('the connection ended');
    if (code === H2_CODE.CANCEL) return this.#kind.lostError('it takes no more of the request');
    return malformed(`a breach of the rules of HTTP/2 (code ${code})`);
  }

  /** Nothing more is told; what nobody will read any more leaves the connection's account. */
  #end(): void {
    this.#over = true;
    if (this.#stream !== undefined) this.#endpoint.consumed(this.#stream, this.#heldBytes);
    this.#heldBytes = 0;
  }
}

function malformed(what: string): AttemptError {
  return new AttemptError('UPSTREAM_PROTOCOL', `the answer holds ${what}`, { neverSent: false });
}

/** The plain reading of a final answer: its fields without `:status`. */
export function responseHeadOf(
  block: HeaderBlock,
  head: RequestHead,
  end: boolean,
  upgrade = '',
): AnswerHead {
  const headers = block.headers.slice(2);
  const { seen, sensitive: neverIndexed } = block;
  if (upgrade !== '') return { status: 101, headers, seen, upgrade, length: -1, neverIndexed };
  const none = end || isBodiless(head.method, block.status);
  const length = none ? 0 : block.contentLength;
  return { status: block.status, headers, seen, upgrade: '', length, neverIndexed };
}
