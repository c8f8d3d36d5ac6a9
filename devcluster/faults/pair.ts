/**
 * Two components between which something may be stopped, as values: who dials, and what. pure
 *
 * One schema for tests, for `POST /faults/partitions` and for the steps of a FailoverDrill.
 */
import { z } from 'zod';

/** Longest delay a slow pair may be asked for. */
const DELAY_MS_MAX = 60_000;

/** Who dials: all processes of a component, or `client`, which is whoever calls through the address of a Service. */
export const dialler = z.enum(['gateway', 'mirror', 'identity', 'client']);
export type Dialler = z.infer<typeof dialler>;

/** Who is dialled. */
export const dialled = z.strictObject({
  component: z.enum(['gateway', 'identity', 'apiServer', 'pods']),
  /** Another cluster, where its gateways are meant; absent: the dialler's own. */
  cluster: z.string().min(1).max(63).optional(),
  /** Of `pods`. */
  namespace: z.string().min(1).max(63).optional(),
  /** Of `pods`; absent: every pod of the namespace. */
  selector: z.string().max(1_024).optional(),
});
export type Dialled = z.infer<typeof dialled>;

/** What happens to what one of the pair sends: `silent` is a partition nobody is told of. */
export const how = z.enum(['silent', 'refused', 'slow']);

const pairFields = { from: dialler, to: dialled };
/** Body of `POST /faults/partitions/prepare`. */
export const pairRequest = z.strictObject(pairFields);
/** Body of `POST /faults/partitions`. */
export const partitionRequest = z.strictObject({
  ...pairFields,
  how: how.default('silent'),
  /** Of `slow`: each way, and so twice for a round trip. */
  delayMs: z.number().min(0).max(DELAY_MS_MAX).default(0),
});

export type Pair = z.infer<typeof pairRequest>;
export type PartitionRequest = z.infer<typeof partitionRequest>;

/** Why the pair makes no sense, naming the field; `undefined` where it does. */
export function problemOf({ from, to }: Pair): string | undefined {
  if (to.cluster !== undefined && (to.component !== 'gateway' || from !== 'gateway'))
    return 'to.cluster: only gateways dial another cluster, and only its gateways';
  if (to.component === from && to.cluster === undefined)
    return `to.component: a ${from} does not dial its own kind in its own cluster`;
  if (to.component === 'pods' && to.namespace === undefined)
    return 'to.namespace: is required for pods';
  return undefined;
}
