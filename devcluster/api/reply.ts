/**
 * What every call on an object shares: the options of a write, and the one-object answer.
 */
import type { ApiContext, Call } from './context.ts';
import type { KubeObject } from './json.ts';
import { negotiate } from './negotiate.ts';
import type { WritePart } from './object-parts.ts';
import type { WriteOptions } from './objects.ts';
import type { ResourceDef } from './resources.ts';
import { send } from './respond.ts';
import { badRequest } from './status.ts';
import { partial, tableOf } from './table.ts';

/** Options of a write from its query and client. */
export function writeOptions(call: Call, part: WritePart = ''): WriteOptions {
  const dryRun = call.query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All' && value !== '')) {
    throw badRequest(
      `dryRun: Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`,
    );
  }
  const validation = call.query.get('fieldValidation') ?? 'Warn';
  if (validation !== 'Ignore' && validation !== 'Warn' && validation !== 'Strict') {
    throw badRequest(
      `fieldValidation: Unsupported value: ${JSON.stringify(validation)}: supported values: "Ignore", "Strict", "Warn"`,
    );
  }
  const manager = call.query.get('fieldManager') ?? '';
  if (manager.length > 128) {
    throw badRequest('fieldManager: Invalid value: may not be longer than 128');
  }
  const agent = (call.request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
  return {
    manager: manager || agent.slice(0, 128),
    part,
    dryRun: dryRun.includes('All'),
    fieldValidation: validation,
    warnings: call.warnings,
  };
}

/** Sends one object in the form the client accepts. */
export async function reply(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  code: number,
  object: KubeObject,
): Promise<void> {
  const form = negotiate(call.request.headers.accept);
  if (form.as === 'Table') {
    const include = call.query.get('includeObject') ?? 'Metadata';
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(def, [object], metadata, include, context.clock.wallMs());
    await send(call.response, code, table, form.encoding, call.warnings);
  } else {
    const body = form.as === 'PartialObjectMetadata' ? partial(object) : object;
    await send(call.response, code, body, form.encoding, call.warnings);
  }
}
