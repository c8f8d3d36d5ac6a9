/**
 * Leases of coordination.k8s.io: times and a duration. pure
 */
import { asNumber, asObject } from '../values/json.ts';
import { fieldError } from '../values/status.ts';
import type { Rules } from './resources.ts';
import { checkMicroTime } from './unreadable.ts';

/** Rules of Leases. */
export const leaseRules: Rules = {
  validate: (lease) => {
    const spec = asObject(lease.spec);
    for (const key of ['acquireTime', 'renewTime']) checkMicroTime('Lease', spec[key]);
    const seconds = spec.leaseDurationSeconds;
    return seconds !== undefined && asNumber(seconds) <= 0
      ? [fieldError.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0')]
      : [];
  },
};
