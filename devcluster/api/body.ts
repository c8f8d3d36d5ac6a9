/**
 * Request bodies, bounded, as JSON values.
 */
import type { IncomingMessage } from 'node:http';
import { decodeProtobuf, PROTOBUF } from '../protobuf/decode.ts';
import { isObject, type Json, type JsonObject } from '../values/json.ts';
import { ApiError, badRequest, unsupportedMediaType } from '../values/status.ts';
import { noteDuplicates } from './duplicates.ts';

/** Bytes of a request body, as in the real server. */
export const BODY_BYTES_MAX = 3 * 1_024 * 1_024;

/** The media type of the body, without parameters, lower case. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** The whole body as text; 413 past {@link BODY_BYTES_MAX}. */
export async function readText(request: IncomingMessage): Promise<string> {
  return (await readBytes(request)).toString();
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new ApiError(
        413,
        'RequestEntityTooLarge',
        `Request entity too large: limit is ${BODY_BYTES_MAX}`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `text` as JSON, or as YAML where JSON fails and `yaml` is allowed; throws 400. */
export async function parseText(text: string, yaml: boolean): Promise<Json> {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (!yaml) throw badRequest(`the object provided is unrecognized: ${String(error)}`);
  }
  const { parse } = await import('yaml');
  try {
    return parse(text, { maxAliasCount: 100 }) as Json;
  } catch (error) {
    throw badRequest(`error decoding YAML: ${String(error)}`);
  }
}

/** The body as an object; an empty body is an empty object where `optional`. */
export async function readObject(request: IncomingMessage, optional = false): Promise<JsonObject> {
  const type = mediaType(request);
  if (type === PROTOBUF) return decodeProtobuf(await readBytes(request));
  if (
    !['', 'application/json', 'application/yaml', 'application/x-www-form-urlencoded'].includes(
      type,
    )
  ) {
    throw unsupportedMediaType(['application/json', 'application/yaml']);
  }
  const text = await readText(request);
  if (text === '' && optional) return {};
  const value = await parseText(text, type === 'application/yaml');
  if (!isObject(value)) {
    throw badRequest(`couldn't get version/kind; json parse error: the body is no object`);
  }
  if (type !== 'application/yaml') noteDuplicates(value, text);
  return value;
}
