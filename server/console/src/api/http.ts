/**
 * One request to the console API. Belongs here: headers every request needs (language, CSRF,
 * idempotency key), and the two ways a request can fail. Not here: any route's name or shape.
 */

/** A rule said no; the server's words are shown as they are, in the reader's language. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly params: Record<string, unknown>,
  ) {
    super(detail || title || code);
  }
}

/**
 * Nobody answered, or the server failed before it could say whether it stored anything. The
 * only safe thing to do is to repeat the identical request with the same idempotency key.
 */
export class Unanswered extends Error {
  constructor(readonly status: number | null) {
    super(status === null ? "unanswered" : `unanswered (${status})`);
  }
}

let csrfToken = "";
let language = "zh-CN";
let onSignedOut: (() => void) | null = null;

export function rememberCsrf(token: string): void {
  csrfToken = token;
}

export function speakLanguage(tag: string): void {
  language = tag;
}

/** Called when the server no longer knows this session (401 on anything but signing in). */
export function whenSignedOut(then: () => void): void {
  onSignedOut = then;
}

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface Ask {
  method?: Method;
  body?: unknown;
  /** A body already written as text, so that a repeat is byte for byte the same. */
  text?: string;
  key?: string;
  quietOn401?: boolean;
  signal?: AbortSignal;
}

/** Ask the server. Returns the decoded answer; throws Refused or Unanswered. */
export async function ask<T>(path: string, given: Ask = {}): Promise<T> {
  const method = given.method ?? "GET";
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": language };
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken;
  if (given.key) headers["Idempotency-Key"] = given.key;
  const text = given.text ?? (given.body === undefined ? undefined : JSON.stringify(given.body));
  if (text !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  let answer: string;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      ...(text === undefined ? {} : { body: text }),
      ...(given.signal ? { signal: given.signal } : {}),
    });
    answer = await response.text();
  } catch (failure) {
    if (given.signal?.aborted) throw failure;
    throw new Unanswered(null);
  }
  if (response.ok) return (answer ? JSON.parse(answer) : undefined) as T;
  if (response.status === 401 && !given.quietOn401) onSignedOut?.();
  throw refusalFrom(response.status, answer);
}

/** Tell a refusal from a server that fell over. */
export function refusalFrom(status: number, answer: string): Refused | Unanswered {
  if (status >= 500 || status === 408) return new Unanswered(status);
  const said = decodedProblem(answer);
  return new Refused(
    status,
    typeof said["code"] === "string" ? said["code"] : `http_${status}`,
    typeof said["title"] === "string" ? said["title"] : "",
    typeof said["detail"] === "string" ? said["detail"] : "",
    typeof said["params"] === "object" && said["params"] !== null ? (said["params"] as Record<string, unknown>) : {},
  );
}

function decodedProblem(answer: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(answer);
    return typeof said === "object" && said !== null ? (said as Record<string, unknown>) : {};
  } catch {
    // A proxy's HTML page is not a refusal we can quote; the status alone is shown.
    return {};
  }
}

const unansweredKeys = new Map<string, string>();

/**
 * Ask for something to be done, once. When nobody answered, asking for the very same thing again
 * uses the same idempotency key, so that a second press can never do it twice; any other body is
 * another request and gets a key of its own.
 */
export async function askOnce<T>(path: string, method: "POST" | "DELETE", body?: unknown): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const name = `${method} ${path} ${text ?? ""}`;
  const key = unansweredKeys.get(name) ?? newKey();
  try {
    const answer = await ask<T>(path, { method, key, ...(text === undefined ? {} : { text }) });
    unansweredKeys.delete(name);
    return answer;
  } catch (failure) {
    if (failure instanceof Unanswered) unansweredKeys.set(name, key);
    else unansweredKeys.delete(name);
    throw failure;
  }
}

export function newKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  // Plain http on a local network has no randomUUID; the random bytes are there all the same.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
