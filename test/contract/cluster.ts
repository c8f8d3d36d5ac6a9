/**
 * A cluster as one case sees it: namespaces of its own, tokens, waiting, and a notebook.
 *
 * Promises: cases that run at the same time do not meet, for each has namespaces and names of its own;
 * what a case notes with `record` has lost everything that differs from run to run.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { asObject, asString, at, type Json, type JsonObject } from '#devcluster/values/json.ts';
import type { Exemption } from './case.ts';
import { installDefinitions } from './definitions.ts';
import { type Answer, type CallOptions, type OpenWatch, Wire } from './http.ts';
import { normalise } from './normalise.ts';
import type { Target } from './target.ts';

const SOON_MS = 15_000;
const POLL_MS = 25;

/** See the file header. */
export class CaseCluster {
  readonly target: Target;
  /** What `record` was given, by label. */
  readonly records = new Map<string, Json>();
  /** Differs from case to case and from run to run; for names of cluster-wide objects. */
  readonly unique: string;
  readonly #wire: Wire;
  readonly #namespaces: string[] = [];
  readonly #watches: OpenWatch[] = [];
  readonly #cleanups: string[] = [];

  constructor(target: Target) {
    this.target = target;
    this.unique = randomBytes(4).toString('hex').replace(/^\d/, 'a');
    this.#wire = new Wire(target.server, target.ca, target.admin);
  }

  /** Whether the cluster does this otherwise on purpose. */
  exempts(exemption: Exemption): boolean {
    return this.target.exemptions.includes(exemption);
  }

  /** One request, as administrator unless `options` say otherwise. */
  call(
    method: string,
    path: string,
    body?: Json | string | Buffer,
    options: CallOptions = {},
  ): Promise<Answer> {
    return this.#wire.call(method, path, body, options);
  }

  /** A request that must be answered with `status`; its body. */
  async must(
    status: number,
    method: string,
    path: string,
    body?: Json | string | Buffer,
    options: CallOptions = {},
  ): Promise<JsonObject> {
    const answer = await this.call(method, path, body, options);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text.slice(0, 2_000)}`);
    return answer.body;
  }

  /** Opens a watch that ends with the case at the latest. */
  watch(path: string, options: CallOptions = {}): OpenWatch {
    const opened = this.#wire.watch(path, options);
    this.#watches.push(opened);
    return opened;
  }

  /** A new namespace; with `ready`, once controllers have put the default ServiceAccount there. */
  async namespace(ready = false): Promise<string> {
    const name = `contract-${this.unique}-${this.#namespaces.length}`;
    await this.must(201, 'POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'isthmus.dev/contract': 'true' } },
    });
    this.#namespaces.push(name);
    if (ready) {
      await this.until('the default ServiceAccount', () =>
        this.exists(`/api/v1/namespaces/${name}/serviceaccounts/default`),
      );
    }
    return name;
  }

  /** A token of a ServiceAccount, by TokenRequest; the account is made where it is missing. */
  async token(
    namespace: string,
    account: string,
    spec: JsonObject = { audiences: [], expirationSeconds: 3_600 },
  ): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    const made = await this.call('POST', path, { metadata: { name: account } });
    assert.ok(made.status === 201 || made.status === 409, made.text);
    const answer = await this.must(201, 'POST', `${path}/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec,
    });
    return asString(at(answer, 'status', 'token'));
  }

  /** Makes the definitions of the project, where they are missing, and waits until they are served. */
  async install(): Promise<void> {
    await installDefinitions(this);
  }

  async exists(path: string): Promise<boolean> {
    return (await this.call('GET', path)).status === 200;
  }

  /** Removes what is at `path` when the case ends; namespaces go by themselves. */
  afterwards(path: string): void {
    this.#cleanups.push(path);
  }

  /** Waits until `check` yields something; fails with `what` after `withinMs`. */
  async until<T>(
    what: string,
    check: () => T | undefined | false | Promise<T | undefined | false>,
    withinMs = SOON_MS,
  ): Promise<T> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      const found = await check();
      if (found !== undefined && found !== false) return found;
      if (performance.now() > endMs) {
        throw new assert.AssertionError({ message: `never happened: ${what}` });
      }
      await this.pause(POLL_MS);
    }
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  }

  /** Notes an answer, to be compared with what another cluster answered. */
  record(label: string, value: Json): void {
    this.records.set(label, normalise(value, [...this.#namespaces, this.unique]));
  }

  /** Removes what the case made, without waiting for controllers to finish. */
  async end(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    for (const path of this.#cleanups) await this.call('DELETE', path);
    for (const name of this.#namespaces) await this.call('DELETE', `/api/v1/namespaces/${name}`);
    this.#wire.close();
  }
}

/** The object's `metadata`. */
export function metaOf(object: Json | undefined): JsonObject {
  return asObject(asObject(object).metadata);
}
