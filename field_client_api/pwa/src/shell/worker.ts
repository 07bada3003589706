/**
 * The service worker: the shell of the screens is kept, so that they open without a signal. Nothing
 * under /v1 ever passes through a cache: what the server said is kept by the screens themselves.
 * Stands alone (no imports); the build writes the two names in.
 */
declare const __SHELL_FILES__: readonly string[];
declare const __SHELL_NAME__: string;

interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Extendable {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface WindowClient {
  focus(): Promise<unknown>;
}
interface Clicked extends Extendable {
  readonly notification: { close(): void };
}
interface WorkerSelf {
  addEventListener(name: "install" | "activate", run: (happened: Extendable) => void): void;
  addEventListener(name: "fetch", run: (happened: Fetching) => void): void;
  addEventListener(name: "notificationclick", run: (happened: Clicked) => void): void;
  skipWaiting(): Promise<void>;
  readonly location: Location;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(of: { type: "window"; includeUncontrolled: boolean }): Promise<readonly WindowClient[]>;
    openWindow(path: string): Promise<unknown>;
  };
}
const worker = self as unknown as WorkerSelf;

worker.addEventListener("install", (happened) => {
  happened.waitUntil(
    caches
      .open(__SHELL_NAME__)
      .then((cache) => cache.addAll(__SHELL_FILES__.map((file) => new Request(file, { cache: "reload" }))))
      // The page is one file with one script: the next opening simply has the new ones.
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (happened) => {
  happened.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== __SHELL_NAME__).map((name) => caches.delete(name))))
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener("fetch", (happened) => {
  const { request } = happened;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin) return;
  if (url.pathname.startsWith("/v1/")) return;
  const wanted = request.mode === "navigate" ? "/" : url.pathname;
  happened.respondWith(
    caches
      .open(__SHELL_NAME__)
      .then((cache) => cache.match(wanted))
      .then((held) => held ?? fetch(request)),
  );
});

worker.addEventListener("notificationclick", (happened) => {
  happened.notification.close();
  happened.waitUntil(
    worker.clients
      .matchAll({ type: "window", includeUncontrolled: true })
      .then((pages) => pages[0]?.focus() ?? worker.clients.openWindow("/")),
  );
});
export {};
