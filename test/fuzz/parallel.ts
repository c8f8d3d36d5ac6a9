/**
 * The inputs of a job side by side: a reference that answers over several turns is not waited for one by one.
 */
import type { Job } from './report.ts';

const PARALLEL = 32;

/** Runs `one` for every input of `job`; announced inputs run alone. */
export async function inParallel(job: Job, one: (index: number) => Promise<void>): Promise<void> {
  let next = job.from;
  const lane = async (): Promise<void> => {
    while (next < job.to) {
      const index = next;
      next += 1;
      job.onInput?.(index);
      await one(index);
    }
  };
  const lanes = job.onInput === undefined ? PARALLEL : 1;
  await Promise.all(Array.from({ length: lanes }, lane));
}
