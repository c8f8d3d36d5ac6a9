/**
 * One input through our parser and through llhttp as shipped in Node, to the same plain record.
 */
import { HTTPParser, methods as METHODS } from 'node:_http_common';
import { Http1Parser } from '#gateway/wire/http1/parser.ts';
import { Http1Refusal, type Role, type RuleCode } from '#gateway/wire/http1/rules.ts';

/** A complete message. */
export interface Message {
  method: string;
  target: string;
  status: number;
  headers: string[];
  body: string;
}

/** What a parser made of an input. */
export interface Outcome {
  readonly messages: Message[];
  /** The rule, or llhttp's code; undefined when the whole input was accepted. */
  error: string | undefined;
}

/** An input: bytes of one direction, and the methods of the requests that responses answer. */
export interface FuzzInput {
  readonly role: Role;
  readonly bytes: Buffer;
  readonly methods: readonly string[];
}

/** Our parser, fed with pieces that end at `cuts`. */
export function runOurs(input: FuzzInput, cuts: readonly number[]): Outcome {
  const outcome: Outcome = { messages: [], error: undefined };
  let open: Message | undefined;
  const parser = new Http1Parser(input.role, {
    onHead: ({ method, target, status, headers }) => {
      open = { method, target, status, headers: [...headers], body: '' };
    },
    onBody: (chunk, from, to) => {
      if (open !== undefined) open.body += chunk.toString('latin1', from, to);
    },
    onTrailers: (trailers) => open?.headers.push(...trailers),
    onEnd: () => {
      if (open !== undefined) outcome.messages.push(open);
      open = undefined;
    },
  });
  for (const method of input.role === 'response' ? input.methods : []) {
    parser.expectResponseTo(method, true);
  }
  try {
    let from = 0;
    for (const cut of [...cuts, input.bytes.length]) {
      // A copy, so that what the parser kept of an earlier piece is truly its own.
      parser.execute(Buffer.from(input.bytes.subarray(from, cut)));
      from = cut;
    }
    parser.finish();
  } catch (error) {
    if (!(error instanceof Http1Refusal)) throw error;
    outcome.error = error.rule satisfies RuleCode;
  }
  return outcome;
}

/** llhttp, strict; taken up again after a message that asks for another protocol. */
export function runReference(input: FuzzInput): Outcome {
  const outcome: Outcome = { messages: [], error: undefined };
  const methods = [...input.methods];
  let bytes = input.bytes;
  for (;;) {
    const used = runOnce(input.role, bytes, methods, outcome);
    if (used < 0 || used >= bytes.length || outcome.error !== undefined) return outcome;
    if (input.role === 'response') {
      // Raw bytes of another protocol, until the end.
      const last = outcome.messages.at(-1);
      if (last !== undefined) last.body = bytes.toString('latin1', used);
      return outcome;
    }
    bytes = bytes.subarray(used);
  }
}

const parser = new HTTPParser();

function runOnce(role: Role, bytes: Buffer, methods: string[], outcome: Outcome): number {
  let open: Message = { method: '', target: '', status: 0, headers: [], body: '' };
  parser.initialize(
    role === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE,
    {},
    1_048_576,
    HTTPParser.kLenientNone,
  );
  let early: string[] = [];
  let url = '';
  let inside = false;
  parser[HTTPParser.kOnHeaders] = (headers: string[], target: string) => {
    early.push(...headers);
    url += target;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    headers: string[] | undefined,
    method: number | undefined,
    target: string | undefined,
    status: number | undefined,
  ) => {
    open = {
      method: method === undefined ? '' : nameOf(method),
      target: url + (target ?? ''),
      status: status ?? 0,
      headers: [...early, ...(headers ?? [])],
      body: '',
    };
    early = [];
    url = '';
    inside = true;
    if (role === 'request' || open.status === 101) return 0;
    const asked = methods[0];
    if (open.status >= 200) methods.shift();
    if (asked === 'HEAD') return 1;
    return asked === 'CONNECT' && open.status >= 200 && open.status < 300 ? 2 : 0;
  };
  parser[HTTPParser.kOnBody] = (chunk: Buffer) => {
    open.body += chunk.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    open.headers.push(...early);
    inside = false;
    early = [];
    // With trailers comes what is left of the target: it is of a message that is over.
    url = '';
    outcome.messages.push(open);
  };
  const used = parser.execute(Buffer.from(bytes));
  if (typeof used !== 'number') {
    outcome.error = codeOf(used);
    return -1;
  }
  const ended = used < bytes.length ? undefined : parser.finish();
  if (ended instanceof Error) outcome.error = codeOf(ended);
  // The binding keeps errors to itself once a message asks for an upgrade: it only stops early.
  else if (inside) outcome.error = 'HIDDEN';
  return used;
}

/** llhttp counts RTSP's methods between PRI and QUERY. */
function nameOf(method: number): string {
  return method === 46 ? 'QUERY' : (METHODS[method] ?? '');
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}
