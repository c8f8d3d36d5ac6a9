/**
 * The subresource `eviction` of a pod: a deletion that budgets of disruptions may refuse.
 */
import { BUDGETS, budgetStatus, guards } from '../controllers/disruption-budgets.ts';
import type { ResourceDef } from '../kinds/resources.ts';
import { asNumber, asObject } from '../values/json.ts';
import { ApiError, badRequest } from '../values/status.ts';
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { decodeBody } from './decode-body.ts';
import { deleteObject, deleteOptions } from './deletion.ts';
import type { ResourcePath } from './request.ts';
import { send } from './respond.ts';
import { transient } from './transient.ts';

/** Evicts the pod `target`; 429 where a budget forbids it. */
export async function evict(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  const kind = transient('policy', 'Eviction');
  const body = decodeBody(kind, target.namespace, await readObject(call.request), 'Ignore', []);
  if (body.metadata.name !== target.name) {
    throw badRequest('name in URL does not match name in Eviction object');
  }
  const options = deleteOptions(asObject(body.deleteOptions), call.query);
  call.dryRun = options.dryRun === true;
  const { objects, clock, store } = context;
  const pod = objects.get(def, target.namespace, target.name);
  for (const budget of store.list(BUDGETS, target.namespace)) {
    if (!guards(budget, pod) || asNumber(budgetStatus(store, budget).disruptionsAllowed) > 0) {
      continue;
    }
    throw new ApiError(
      429,
      'TooManyRequests',
      "Cannot evict pod as it would violate the pod's disruption budget.",
      {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: `The disruption budget ${budget.metadata.name} does not allow another disruption now`,
          },
        ],
      },
    );
  }
  deleteObject(objects, clock, def, target.namespace, target.name, options);
  await send(call.response, 201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}
