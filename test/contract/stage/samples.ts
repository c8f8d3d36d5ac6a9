/**
 * The sample's pods of one cluster, on a thread of their own: how fast a pod answers must not depend on
 * what the test that asks it is busy with.
 */
import { Worker } from 'node:worker_threads';
import type { SampleOptions } from '#devcluster/pods/sample-server.ts';

/** What the thread is told. */
export type SampleRequest =
  | { readonly id: number; readonly uid: string; readonly does: 'drain' }
  | {
      readonly id: number;
      readonly uid: string;
      readonly does: 'listen';
      readonly options: Pick<SampleOptions, 'cluster' | 'pod' | 'address' | 'ports'>;
    };

/** What it answers; a failure says why. */
export interface SampleAnswer {
  readonly id: number;
  readonly failure?: string;
}

/** See the file header. */
export class Samples {
  readonly #worker = new Worker(new URL('./sample-worker.ts', import.meta.url));
  readonly #waiting = new Map<number, (answer: SampleAnswer) => void>();
  #requests = 0;

  constructor() {
    this.#worker.on('message', (answer: SampleAnswer) => this.#waiting.get(answer.id)?.(answer));
    this.#worker.unref();
  }

  /** Resolves when the pod answers on every port; rejects when one cannot be bound. */
  listen(
    uid: string,
    options: Pick<SampleOptions, 'cluster' | 'pod' | 'address' | 'ports'>,
  ): Promise<void> {
    return this.#ask((id) => ({ id, uid, does: 'listen', options }));
  }

  /** Resolves when the pod has answered what was under way, and is gone. */
  drain(uid: string): Promise<void> {
    return this.#ask((id) => ({ id, uid, does: 'drain' }));
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: (id: number) => SampleRequest): Promise<void> {
    this.#requests += 1;
    const id = this.#requests;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ failure }) => {
        this.#waiting.delete(id);
        if (failure === undefined) resolve();
        else reject(new Error(failure));
      });
      this.#worker.postMessage(request(id));
    });
  }
}
