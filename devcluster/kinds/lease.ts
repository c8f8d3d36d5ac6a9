/**
 * Leases of coordination.k8s.io: times and a duration. pure
 */
import { asNumber, asObject } from '../api/json.ts';
import type { Rules } from '../api/resources.ts';
import { fieldError } from '../api/status.ts';
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
