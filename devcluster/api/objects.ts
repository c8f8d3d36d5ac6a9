/**
 * The verbs that change objects: create, update, patch, apply, delete.
 *
 * One pipeline for every kind and every caller, the server's own controllers included: decode, default,
 * admit, validate, track owners of fields, store. Promises: nothing is stored unless every step passed;
 * a dry run goes through all of them; an update that changes nothing writes nothing.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import { below, type Random } from '#core/random.ts';
import { applyConfig } from '../apply/apply.ts';
import { withLastApplied } from '../apply/last-applied.ts';
import { isSameContent, trackUpdate, type Writer } from '../apply/managers.ts';
import { checkMetadata } from '../kinds/names.ts';
import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import { withDefaults } from '../schema/structural.ts';
import type { Frozen, Store } from '../storage/store.ts';
import {
  asNumber,
  asString,
  deepEqual,
  isDeleting,
  type JsonObject,
  type KubeObject,
  without,
} from '../values/json.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  fieldError,
  invalid,
  notFound,
} from '../values/status.ts';
import { admitNamespace, admitPod } from './admission.ts';
import { readApplied } from './applied-body.ts';
import { decodeBody, type FieldValidation, unreadablePatch } from './decode-body.ts';
import {
  CONDITIONAL,
  checkName,
  isFree,
  nameForm,
  needsDomains,
  SYSTEM_METADATA,
  scopeConfig,
  type WritePart,
} from './object-parts.ts';
import { checkFinalizers, checkReplacedUid, checkVersion } from './preconditions.ts';

/** Who writes and how. */
export interface WriteOptions {
  /** `metadata.managedFields[].manager`. */
  readonly manager: string;
  readonly part?: WritePart;
  readonly dryRun?: boolean;
  readonly fieldValidation?: FieldValidation;
  /** Warnings for the client are added here. */
  readonly warnings?: string[];
}

/** See the file header. */
export class Objects {
  readonly store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  /** The second that {@link now} was last asked in, and its text. */
  #second = Number.NaN;
  #secondText = '';

  constructor(store: Store, clock: Clock, random: Random) {
    this.store = store;
    this.#clock = clock;
    this.#random = random;
  }

  /** The object as version `def` shows it; a 404 ApiError when there is none. */
  get(def: ResourceDef, namespace: string, name: string, view: Frozen = this.store): KubeObject {
    const stored = view.get(def.storage, namespace, name);
    if (!stored) throw notFound(def.group, def.plural, name);
    return shown(def, stored);
  }

  create(def: ResourceDef, namespace: string, body: JsonObject, options: WriteOptions): KubeObject {
    const decoded = this.#decode(def, namespace, body, options);
    const metadata: JsonObject = { ...decoded.metadata };
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    const prefix = asString(metadata.generateName);
    if (asString(metadata.name) === '' && prefix !== '') {
      metadata.name = `${prefix.slice(0, 58)}${this.#suffix()}`;
    }
    for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink']) {
      delete metadata[key];
    }
    metadata.uid = randomUUID();
    metadata.creationTimestamp = this.now();
    if (def.rules.hasGeneration) metadata.generation = 1;
    else delete metadata.generation;
    let object = { ...decoded, metadata } as KubeObject;
    if (def.rules.hasStatus) object = without(object, 'status') as KubeObject;
    object = def.rules.defaults?.(object) ?? object;
    if (def.custom) object = withDefaults(def.schema, object);
    const name = object.metadata.name ?? '';
    if (def.namespaced) admitNamespace(this.store, def, namespace, name);
    // Before the server adds what is nobody's, and without a status: endpoints/handlers/create.go of k8s.io/apiserver.
    const said = (def.rules.hasStatus ? without(object, 'status') : object) as KubeObject;
    const owned = trackUpdate(def.schema, undefined, said, this.#writer(def, options));
    object = { ...object, metadata: owned.metadata };
    if (def.storage === 'pods') object = admitPod(this.store, def, object);
    this.#check(def, object, undefined);
    if (this.store.get(def.storage, namespace, name)) {
      throw alreadyExists(def.group, def.plural, name);
    }
    object = def.rules.admitCreate?.(object) ?? object;
    if (options.dryRun) {
      def.rules.released?.(object);
      return object;
    }
    return shown(def, this.store.put(def.storage, toStored(def, object)));
  }

  update(
    def: ResourceDef,
    namespace: string,
    name: string,
    body: JsonObject,
    options: WriteOptions,
  ): KubeObject {
    const live = this.get(def, namespace, name);
    const decoded = this.#decode(def, namespace, body, options);
    checkName(decoded, name);
    const conditional = def.custom || CONDITIONAL.has(def.storage);
    if (conditional && asString(decoded.metadata.resourceVersion) === '') {
      // The real server names the resource here, where elsewhere it names the kind.
      throw invalid(def.group, def.plural, name, [
        fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
    checkReplacedUid(def, live, decoded);
    return this.#replace(def, live, decoded, options);
  }

  /** Replaces the object by what `change` makes of it; decodes its answer like a client's body. */
  modify(
    def: ResourceDef,
    namespace: string,
    name: string,
    change: (live: KubeObject) => JsonObject,
    options: WriteOptions,
  ): KubeObject {
    const live = this.get(def, namespace, name);
    const validation = options.fieldValidation ?? 'Ignore';
    const { warnings } = options;
    const body = change(live);
    const decoded = decodeBody(def, namespace, body, validation, warnings, unreadablePatch);
    checkName(decoded, name);
    return this.#replace(def, live, decoded, options);
  }

  /** Server-side apply; creates what is missing, unless only a part is applied. */
  apply(
    def: ResourceDef,
    namespace: string,
    name: string,
    config: JsonObject,
    options: WriteOptions & { readonly force: boolean },
  ): { object: KubeObject; created: boolean } {
    const decoded = readApplied(def, namespace, name, config);
    const writer = this.#writer(def, options);
    const stored = this.store.get(def.storage, namespace, name);
    const scoped = scopeConfig(def, decoded, options.part ?? '');
    if (stored) {
      const live = shown(def, stored);
      checkVersion(def, live, decoded);
      const applied = applyConfig(def.schema, live, scoped, writer, options.force);
      const merged = withLastApplied(applied, config, options.manager);
      return { object: this.#finish(def, live, merged, options), created: false };
    }
    if (options.part) throw notFound(def.group, def.plural, name);
    const uid = asString(decoded.metadata.uid);
    if (uid !== '') {
      const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
      throw conflict(def.group, def.plural, name, why);
    }
    const empty: KubeObject = {
      apiVersion: groupVersion(def),
      kind: def.kind,
      metadata: {
        name,
        ...(def.namespaced ? { namespace } : {}),
        uid: randomUUID(),
        resourceVersion: '',
        creationTimestamp: this.now(),
        ...(def.rules.hasGeneration ? { generation: 1 } : {}),
      },
    };
    let object = applyConfig(def.schema, empty, scoped, writer, true);
    object = def.rules.defaults?.(object) ?? object;
    if (def.custom) object = withDefaults(def.schema, object);
    if (def.namespaced) admitNamespace(this.store, def, namespace, name);
    if (def.storage === 'pods') object = admitPod(this.store, def, object);
    this.#check(def, object, undefined);
    object = def.rules.admitCreate?.(object) ?? object;
    if (options.dryRun) {
      def.rules.released?.(object);
      return { object, created: true };
    }
    return {
      object: shown(def, this.store.put(def.storage, toStored(def, object))),
      created: true,
    };
  }

  /**
   * Stores `object` as it is, under the rules of deletion only: for finalizers and for changes no
   * client may make. Removes it when its deletion waits for nothing more.
   */
  commit(def: ResourceDef, object: KubeObject): KubeObject {
    if (isDeleting(object) && isFree(object)) return this.remove(def, object);
    return this.store.put(def.storage, object);
  }

  /** Takes the object out of the store. */
  remove(def: ResourceDef, object: KubeObject): KubeObject {
    const gone = this.store.remove(def.storage, object);
    def.rules.released?.(gone);
    return gone;
  }

  /** RFC 3339 with whole seconds, as metav1.Time. */
  now(): string {
    const second = Math.floor(this.#clock.wallMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = `${new Date(second * 1_000).toISOString().slice(0, 19)}Z`;
    }
    return this.#secondText;
  }

  #replace(
    def: ResourceDef,
    live: KubeObject,
    decoded: KubeObject,
    options: WriteOptions,
  ): KubeObject {
    checkVersion(def, live, decoded);
    const part = options.part ?? '';
    const metadata: JsonObject = { ...decoded.metadata };
    for (const key of SYSTEM_METADATA) {
      if (live.metadata[key] === undefined) delete metadata[key];
      else metadata[key] = live.metadata[key];
    }
    metadata.managedFields ??= live.metadata.managedFields;
    checkFinalizers(def, live, metadata);
    let object = { ...decoded, metadata } as KubeObject;
    if (part === 'status') {
      const kept = { ...live.metadata, managedFields: metadata.managedFields };
      object = { ...live, metadata: kept, status: decoded.status } as KubeObject;
      if (object.status === undefined) delete object.status;
    } else if (def.rules.hasStatus) {
      object = { ...object, status: live.status } as KubeObject;
      if (live.status === undefined) delete object.status;
    }
    const tracked = trackUpdate(def.schema, live, object, this.#writer(def, options));
    return this.#finish(def, live, tracked, options);
  }

  /** Defaults, admission, validation and storage of a changed object. */
  #finish(
    def: ResourceDef,
    live: KubeObject,
    changed: KubeObject,
    options: WriteOptions,
  ): KubeObject {
    let object = def.rules.defaults?.(changed) ?? changed;
    if (def.custom) object = withDefaults(def.schema, object);
    object = def.rules.admitUpdate?.(object, live) ?? object;
    if (def.rules.hasGeneration) {
      const isNew = !deepEqual(
        without(object, 'metadata', 'status'),
        without(live, 'metadata', 'status'),
      );
      const generation = asNumber(live.metadata.generation, 1) + (isNew ? 1 : 0);
      object = { ...object, metadata: { ...object.metadata, generation } };
    }
    try {
      this.#check(def, object, live);
    } catch (error) {
      def.rules.released?.(object, live);
      throw error;
    }
    if (isSameContent(live, object)) return live;
    if (options.dryRun) {
      def.rules.released?.(object, live);
      return object;
    }
    const stored = this.commit(def, toStored(def, object));
    def.rules.released?.(live, object);
    return shown(def, stored);
  }

  #decode(
    def: ResourceDef,
    namespace: string,
    body: JsonObject,
    options: WriteOptions,
  ): KubeObject {
    return decodeBody(def, namespace, body, options.fieldValidation ?? 'Ignore', options.warnings);
  }

  #check(def: ResourceDef, object: KubeObject, previous: KubeObject | undefined): void {
    const causes = checkMetadata(object.metadata, nameForm(def), needsDomains(def));
    causes.push(...(def.rules.validate?.(object, previous) ?? []));
    if (causes.length > 0) throw invalid(def.group, def.kind, object.metadata.name ?? '', causes);
  }

  #writer(def: ResourceDef, options: WriteOptions): Writer {
    return {
      name: options.manager,
      apiVersion: groupVersion(def),
      subresource: options.part ?? '',
      time: this.now(),
    };
  }

  #suffix(): string {
    const letters = 'bcdfghjklmnpqrstvwxz2456789';
    return Array.from({ length: 5 }, () => letters[below(this.#random, letters.length)]).join('');
  }
}

/** `stored` in the version of `def`. */
export function shown(def: ResourceDef, stored: KubeObject): KubeObject {
  if (def.convert) return def.convert.fromStored(stored);
  const apiVersion = groupVersion(def);
  return stored.apiVersion === apiVersion ? stored : { ...stored, apiVersion };
}

function toStored(def: ResourceDef, object: KubeObject): KubeObject {
  return def.convert ? def.convert.toStored(object) : object;
}
