/**
 * What the phone keeps through restarts and dead batteries: IndexedDB, with promises. Belongs here:
 * the stores and their raw reading and writing. Not here: what the records mean.
 */

const NAME = "changming-phone";
const VERSION = 1;
export type Store = "settings" | "outbox" | "fixes";

export class Kept {
  private constructor(private readonly database: IDBDatabase) {}

  static open(name = NAME): Promise<Kept> {
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open(name, VERSION);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("settings");
        asked.result.createObjectStore("outbox", { keyPath: "order", autoIncrement: true });
        asked.result.createObjectStore("fixes", { keyPath: "order", autoIncrement: true });
      };
      asked.onsuccess = () => resolve(new Kept(asked.result));
      asked.onerror = () => reject(asked.error ?? new Error("IndexedDB did not open"));
    });
  }

  close(): void {
    this.database.close();
  }

  get<T>(name: string): Promise<T | undefined> {
    return this.run("settings", "readonly", (store) => store.get(name)) as Promise<T | undefined>;
  }

  async set(name: string, value: unknown): Promise<void> {
    if (value === undefined) await this.run("settings", "readwrite", (store) => store.delete(name));
    else await this.run("settings", "readwrite", (store) => store.put(plain(value), name));
  }

  /** All records of a store, oldest first. */
  all<T>(store: Store): Promise<T[]> {
    return this.run(store, "readonly", (held) => held.getAll()) as Promise<T[]>;
  }

  /** The oldest `count` records. */
  first<T>(store: Store, count: number): Promise<T[]> {
    return this.run(store, "readonly", (held) => held.getAll(null, count)) as Promise<T[]>;
  }

  count(store: Store): Promise<number> {
    return this.run(store, "readonly", (held) => held.count());
  }

  /** Add a record; resolves with its order once it is on disk, not before. */
  add(store: Store, record: object): Promise<number> {
    return this.run(store, "readwrite", (held) => held.add(plain(record))) as Promise<number>;
  }

  async put(store: Store, record: object): Promise<void> {
    await this.run(store, "readwrite", (held) => held.put(plain(record)));
  }

  /** Remove everything up to and including `order`. */
  async removeUpTo(store: Store, order: number): Promise<void> {
    await this.run(store, "readwrite", (held) => held.delete(IDBKeyRange.upperBound(order)));
  }

  async remove(store: Store, order: number): Promise<void> {
    await this.run(store, "readwrite", (held) => held.delete(order));
  }

  async clear(store: Store): Promise<void> {
    await this.run(store, "readwrite", (held) => held.clear());
  }

  private run<T>(name: Store, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      // "strict": a word counts as kept when the disk has it, not when the browser means to.
      const durability = mode === "readwrite" && name === "outbox" ? "strict" : "default";
      const transaction = this.database.transaction(name, mode, { durability });
      const asked = work(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = () => reject(transaction.error ?? new Error(`could not use ${name}`));
      transaction.onabort = () => reject(transaction.error ?? new Error(`could not use ${name}`));
    });
  }
}

/** A copy without a framework's proxies, which a database cannot clone. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
