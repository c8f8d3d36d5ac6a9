/**
 * What HTTP clients have in common, so that one case is run with all of them.
 */
import type { Target } from '../case.ts';

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A buffer has a length; parts are sent one by one, without one. */
  readonly body?: Buffer | readonly Buffer[];
  readonly trailers?: Readonly<Record<string, string>>;
}

/** Names and values in turn, names in lower case. */
export type Fields = readonly string[];

export interface Reply {
  readonly status: number;
  readonly headers: Fields;
  readonly trailers: Fields;
  readonly body: Buffer;
  readonly interim: readonly { readonly status: number; readonly headers: Fields }[];
}

/** An exchange under way both ways. */
export interface Talk {
  /** The head of the answer. */
  readonly head: Promise<{ readonly status: number; readonly headers: Fields }>;
  write(data: Buffer): void;
  end(): void;
  /** The answer's body as it comes. */
  chunks(): AsyncIterable<Buffer>;
  /** Gives up. */
  cancel(): void;
}

export interface HttpSession {
  ask(ask: Ask): Promise<Reply>;
  talk(ask: Ask): Talk;
}

export interface HttpClient {
  readonly name: string;
  readonly version: '1.1' | '2.0';
  /** Whether the library sends and shows trailers. */
  readonly trailers: boolean;
  readonly interim: boolean;
  open(target: Target): HttpSession;
}

/** All values of `name`. */
export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name);
}

/** Names in lower case, whatever the library shows. */
export function lowerNames(raw: readonly (string | Buffer)[]): string[] {
  return raw.map((each, index) => (index % 2 === 0 ? String(each).toLowerCase() : String(each)));
}

/** The fields of an object that holds lists where names repeat. */
export function fieldsOf(
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || name.startsWith(':')) return [];
    const values = Array.isArray(value) ? value : [String(value)];
    return values.flatMap((each: string) => [name.toLowerCase(), each]);
  });
}

/** Everything of a body. */
export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
