/**
 * One request to the field API, and the three ways it can end otherwise than well. Belongs here:
 * headers every request needs and telling a refusal from a line that lied. Not here: routes.
 */

/** A rule said no; the server's words are shown as they are, in the reader's language. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
  ) {
    super(title || code);
  }
}

/** The token proves nobody any more: this phone was revoked. */
export class Unpaired extends Error {}

/**
 * Nobody answered, or something answered that is not our server (a captive portal, a proxy), or it
 * failed before it could say whether it stored anything. The identical word is to be sent again.
 */
export class Unanswered extends Error {
  constructor(readonly status: number | null) {
    super(status === null ? "unanswered" : `unanswered (${status})`);
  }
}

export const ANSWER_WITHIN_MS = 20_000;

let language = "zh-CN";

export function speakLanguage(tag: string): void {
  language = tag;
}

export interface Ask {
  token?: string;
  body?: unknown;
}

/** Ask the server. Returns the decoded answer; throws Refused, Unpaired or Unanswered. */
export async function ask<T>(path: string, given: Ask = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": language };
  if (given.token !== undefined) headers["Authorization"] = `Bearer ${given.token}`;
  if (given.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method: given.body === undefined ? "GET" : "POST",
      headers,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
    });
    text = await response.text();
  } catch {
    // No line, a broken line, or a line too slow: for the outbox these are one and the same.
    throw new Unanswered(null);
  }
  return understand<T>(response.status, text, given.token !== undefined);
}

/**
 * What an answer means. A portal's page is no refusal: only a problem with our code is final, as
 * giving a word up because a hotel's gateway said 403 would lose it.
 */
export function understand<T>(status: number, text: string, withToken: boolean): T {
  const said = decoded(text);
  if (status >= 200 && status < 300) {
    if (said === null) throw new Unanswered(status);
    return said as T;
  }
  const code = said === null ? undefined : said["code"];
  if (typeof code !== "string" || status >= 500 || status === 408) throw new Unanswered(status);
  if (status === 401 && withToken) throw new Unpaired();
  const detail = said?.["detail"];
  const title = said?.["title"];
  throw new Refused(status, code, typeof detail === "string" && detail ? detail : typeof title === "string" ? title : "");
}

function decoded(text: string): Record<string, unknown> | null {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === "object" && said !== null ? (said as Record<string, unknown>) : null;
  } catch {
    // Not JSON, so not our server.
    return null;
  }
}

/** A key no other phone makes. */
export function newKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  // Plain http on a local network has no randomUUID; the random bytes are there all the same.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
