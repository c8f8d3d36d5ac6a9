/**
 * Answers: objects, lists, tables, Status.
 */
import type { ServerResponse } from 'node:http';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { JsonObject } from '../values/json.ts';
import { ApiError } from '../values/status.ts';

/** Adds a warning to what will be answered. */
export function warn(response: ServerResponse, warning: string): void {
  response.appendHeader('warning', `299 - "${warning.replace(/[\\"]/g, '\\$&')}"`);
}

/** Sends `text` as JSON. */
export function sendText(
  response: ServerResponse,
  code: number,
  text: string,
  type = 'application/json',
  warnings: readonly string[] = [],
): void {
  for (const warning of warnings) warn(response, warning);
  response.writeHead(code, {
    'content-type': type,
    'cache-control': 'no-cache, private',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** Sends `value` as JSON, or as YAML where the client asked for that. */
export async function send(
  response: ServerResponse,
  code: number,
  value: JsonObject,
  encoding: 'json' | 'yaml' = 'json',
  warnings: readonly string[] = [],
): Promise<void> {
  if (encoding === 'json') {
    sendText(response, code, JSON.stringify(value), 'application/json', warnings);
    return;
  }
  const { stringify } = await import('yaml');
  sendText(
    response,
    code,
    stringify(JSON.parse(JSON.stringify(value))),
    'application/yaml',
    warnings,
  );
}

/** Sends what `error` says; what is no ApiError is a defect, logged, and a 500. */
export function sendError(response: ServerResponse, error: unknown, log: Logger): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  let failure: ApiError;
  if (error instanceof ApiError) {
    failure = error;
    // A component that lacks a right is a defect of its Role: tests look for this line.
    if (failure.code === 403) log.warn('refused by RBAC', { reason: failure.message });
  } else {
    log.error('the API server failed', { error: describeError(error) });
    failure = new ApiError(
      500,
      'InternalError',
      `Internal error occurred: ${describeError(error)}`,
    );
  }
  for (const [name, value] of Object.entries(failure.headers)) response.setHeader(name, value);
  if (failure.code === 413) response.setHeader('connection', 'close');
  sendText(response, failure.code, JSON.stringify(failure.status()));
}
