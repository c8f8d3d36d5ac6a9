/**
 * Requests and answers as the data path hands them on, whatever protocol they came in. pure
 */
import type { Readable, Writable } from 'node:stream';
import type { ReplayableBody } from './body.ts';

/** Header fields as a flat list: name, value, name, value…; names in lower case. */
export type RawHeaders = readonly string[];

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, as the client wrote them. */
  readonly path: string;
  readonly authority: string;
  readonly headers: RawHeaders;
}

/** The head of an answer. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: RawHeaders;
}

/** One request and the way to answer it. */
export interface Exchange {
  readonly head: RequestHead;
  readonly body: ReplayableBody;
  /** Aborts when the client is gone before the answer is complete. */
  readonly gone: AbortSignal;
  /** Sends the head of the answer, once; the body goes into what it returns. */
  respond(head: ResponseHead): Writable;
  /** Breaks off an answer so that the client can tell it is not whole. */
  abort(): void;
}

/** An answer whose head has arrived. */
export interface Answer {
  readonly head: ResponseHead;
  readonly body: Readable;
}

/** The first value of field `name` (lower case), or `undefined`. */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] === name) return headers[at + 1];
  }
  return undefined;
}
