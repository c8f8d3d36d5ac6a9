/**
 * Requests to an API server as they are on the wire: status, headers and JSON, nothing interpreted.
 *
 * The contract is about the protocol, so cases do not go through the client that relies on it.
 */

import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Json, JsonObject } from '#devcluster/values/json.ts';
import type { Credentials } from './target.ts';

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Empty when the answer is not a JSON object. */
  readonly body: JsonObject;
  readonly text: string;
}

/** How a request differs from a plain one of the administrator. */
export interface CallOptions {
  /** Another caller's token; empty for nobody's. */
  readonly token?: string;
  /** `content-type`. @default application/json */
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One line of a watch. */
export interface WatchLine {
  readonly type: string;
  readonly object: JsonObject;
}

/** A watch that is open or was. */
export interface OpenWatch {
  /** Lines so far; it grows. */
  readonly lines: WatchLine[];
  /** HTTP status; 0 until there is one. */
  readonly status: number;
  readonly ended: boolean;
  /** The whole body where the status is not 200. */
  readonly text: string;
  close(): void;
}

/** An answer that takes longer is a failure. */
const DEADLINE_MS = 35_000;

/** Connections to one API server for one caller. */
export class Wire {
  readonly #server: string;
  readonly #ca: string;
  readonly #admin: Credentials;
  /** A client certificate outranks a token, so callers with tokens have connections of their own. */
  readonly #named: Agent;
  readonly #bare: Agent;

  constructor(server: string, ca: string, admin: Credentials) {
    this.#server = server;
    this.#ca = ca;
    this.#admin = admin;
    const { certificate: cert, key } = admin;
    this.#named = new Agent({
      keepAlive: true,
      ca,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    this.#bare = new Agent({ keepAlive: true, ca });
  }

  /** One request; rejects only when no answer came. */
  call(
    method: string,
    path: string,
    body?: Json | string | Buffer,
    options: CallOptions = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = this.#send(method, path, body, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          resolve({ status, headers: response.headers, body: objectOf(text), text });
        });
      });
      sent.setTimeout(DEADLINE_MS, () => {
        sent.destroy(new Error(`${method} ${path}: no answer within ${DEADLINE_MS} ms`));
      });
      sent.on('error', reject);
    });
  }

  /** Opens a watch at `path`, which says `watch=true` itself. */
  watch(path: string, options: CallOptions = {}): OpenWatch {
    const state = { lines: [] as WatchLine[], status: 0, ended: false, text: '' };
    let rest = '';
    const end = () => {
      state.ended = true;
    };
    const sent = this.#send('GET', path, undefined, options, (response) => {
      state.status = response.statusCode ?? 0;
      response.on('data', (chunk: Buffer) => {
        if (state.status !== 200) {
          state.text += chunk.toString();
          return;
        }
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') state.lines.push(JSON.parse(line));
      });
      response.on('end', end);
      response.on('error', end);
    });
    sent.on('error', end);
    return Object.assign(state, { close: () => void sent.destroy() });
  }

  close(): void {
    this.#named.destroy();
    this.#bare.destroy();
  }

  #send(
    method: string,
    path: string,
    body: Json | string | Buffer | undefined,
    options: CallOptions,
    answered: (response: IncomingMessage) => void,
  ) {
    const isWritten = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const text = isWritten ? body : JSON.stringify(body);
    const token = options.token ?? this.#admin.token ?? '';
    const sent = request(
      `${this.#server}${path}`,
      {
        method,
        ca: this.#ca,
        agent: options.token === undefined ? this.#named : this.#bare,
        headers: {
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...(text === undefined
            ? {}
            : {
                'content-type': options.type ?? 'application/json',
                'content-length': Buffer.byteLength(text),
              }),
          accept: options.accept ?? 'application/json',
          ...options.headers,
        },
      },
      answered,
    );
    sent.end(text);
    return sent;
  }
}

function objectOf(text: string): JsonObject {
  if (!text.startsWith('{')) return {};
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    // Several documents, or none: the text says it.
    return {};
  }
}
