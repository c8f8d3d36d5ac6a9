/** A worker for the watchdog's test: one input never ends, another takes the process with it. */
import { newReport } from '#test/fuzz/report.ts';
import { serveParent } from '#test/fuzz/worker.ts';

export const ENDLESS = 3;
export const DEADLY = 7;

if (import.meta.main) {
  serveParent((_codec, job) => {
    const report = newReport();
    for (let index = job.from; index < job.to; index += 1) {
      job.onInput?.(index);
      while (index === ENDLESS);
      if (index === DEADLY) process.kill(process.pid, 'SIGKILL');
      report.inputs += 1;
    }
    return report;
  });
}
