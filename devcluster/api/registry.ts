/**
 * Every resource the server knows at the moment, by path and by kind.
 *
 * Built-in resources are there from the start; those of CustomResourceDefinitions come and go.
 */
import { groupVersion, type ResourceDef } from '../kinds/resources.ts';

/** See the file header. */
export class Registry {
  readonly #byPath = new Map<string, ResourceDef>();
  #custom = new Map<string, ResourceDef[]>();
  /** Rises with every change, for caches of discovery documents. */
  generation = 0;

  constructor(builtins: readonly ResourceDef[]) {
    for (const def of builtins) this.#byPath.set(pathKey(def), def);
  }

  /** The resource at `/apis/<group>/<version>/…/<plural>`. */
  find(group: string, version: string, plural: string): ResourceDef | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** The resource of kind `kind` in `apiVersion`. */
  findKind(apiVersion: string, kind: string): ResourceDef | undefined {
    for (const def of this.#byPath.values()) {
      if (def.kind === kind && groupVersion(def) === apiVersion && !def.postOnly) return def;
    }
    return undefined;
  }

  /** The first version of a resource that keeps objects under `storage`. */
  findStorage(storage: string): ResourceDef | undefined {
    for (const def of this.#byPath.values())
      if (def.storage === storage && !def.postOnly) return def;
    return undefined;
  }

  all(): readonly ResourceDef[] {
    return [...this.#byPath.values()];
  }

  /** One definition per stored resource, reviews left out. */
  stored(): readonly ResourceDef[] {
    const seen = new Map<string, ResourceDef>();
    for (const def of this.#byPath.values()) {
      if (!def.postOnly && !seen.has(def.storage)) seen.set(def.storage, def);
    }
    return [...seen.values()];
  }

  /** Serves the versions of one CustomResourceDefinition, in place of what it served before. */
  setCustom(crd: string, defs: readonly ResourceDef[]): void {
    for (const def of this.#custom.get(crd) ?? []) this.#byPath.delete(pathKey(def));
    for (const def of defs) this.#byPath.set(pathKey(def), def);
    if (defs.length > 0) this.#custom.set(crd, [...defs]);
    else this.#custom.delete(crd);
    this.generation += 1;
  }
}

function pathKey(def: ResourceDef): string {
  return `${def.group}/${def.version}/${def.plural}`;
}
