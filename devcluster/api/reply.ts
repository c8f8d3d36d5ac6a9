/**
 * What every call on an object shares: the options of a write, and the one-object answer.
 */

import type { ResourceDef } from '../kinds/resources.ts';
import type { KubeObject } from '../values/json.ts';
import { type Cause, fieldError, invalid } from '../values/status.ts';
import type { ApiContext, Call } from './context.ts';
import type { FieldValidation } from './decode-body.ts';
import { negotiate } from './negotiate.ts';
import type { WritePart } from './object-parts.ts';
import type { WriteOptions } from './objects.ts';
import { send } from './respond.ts';
import { partial, tableOf } from './table.ts';

/** Options of a write from its query and client. */
export function writeOptions(call: Call, part: WritePart = ''): WriteOptions {
  const causes: Cause[] = [];
  const dryRun = call.query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All' && value !== '')) {
    causes.push(fieldError.unsupported('dryRun', dryRun, ['All']));
  }
  const validation = call.query.get('fieldValidation') || 'Warn';
  if (!isFieldValidation(validation)) {
    const known = ['Ignore', 'Strict', 'Warn'];
    causes.push(fieldError.unsupported('fieldValidation', validation, known));
  }
  const manager = call.query.get('fieldManager') ?? '';
  if (manager.length > 128) {
    causes.push(fieldError.invalid('fieldManager', manager, 'may not be longer than 128'));
  }
  const isApply = (call.request.headers['content-type'] ?? '').includes('apply-patch');
  if (isApply && manager === '') {
    causes.push(fieldError.required('fieldManager', 'is required for apply patch'));
  }
  if (call.query.has('force') && !isApply) {
    causes.push(fieldError.forbidden('force', 'may not be specified for non-apply patch'));
  }
  if (causes.length > 0) throw invalid('meta.k8s.io', OPTIONS[call.method] ?? '', '', causes);
  const agent = (call.request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
  return {
    manager: manager || agent.slice(0, 128),
    part,
    dryRun: dryRun.includes('All'),
    fieldValidation: validation as FieldValidation,
    warnings: call.warnings,
  };
}

/** What the options of a write are called, by method. */
const OPTIONS: Readonly<Record<string, string>> = {
  POST: 'CreateOptions',
  PUT: 'UpdateOptions',
  PATCH: 'PatchOptions',
  DELETE: 'DeleteOptions',
};

function isFieldValidation(text: string): text is FieldValidation {
  return text === 'Ignore' || text === 'Warn' || text === 'Strict';
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
