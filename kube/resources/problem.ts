/**
 * What is wrong with an object: the field's path, and what it has to be. pure
 */
import type { z } from 'zod';

export interface Problem {
  /** Such as `spec.gateways[1].port`. */
  readonly field: string;
  readonly message: string;
}

/** `issue` of a `spec`'s schema as a problem of the object. */
export function problemOf(issue: z.core.$ZodIssue): Problem {
  let field = 'spec';
  for (const part of issue.path) {
    field += typeof part === 'number' ? `[${part}]` : `.${String(part)}`;
  }
  if (issue.code === 'unrecognized_keys') {
    return { field: `${field}.${issue.keys[0]}`, message: 'is not a known field' };
  }
  return { field, message: issue.message };
}
