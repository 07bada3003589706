import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, askOnce, newKey, Refused, refusalFrom, rememberCsrf, speakLanguage, Unanswered } from "./http";

interface Heard {
  path: string;
  init: RequestInit;
}

describe("asking the server", () => {
  const heard: Heard[] = [];
  let answers: (Response | Error)[] = [];
  const real = globalThis.fetch;
  beforeEach(() => {
    heard.length = 0;
    rememberCsrf("csrf-1");
    speakLanguage("en");
    // The network is the edge of our own code; a browser test drives the real one.
    globalThis.fetch = (path, init) => {
      heard.push({ path: String(path), init: init ?? {} });
      const answer = answers.shift() ?? new Error("no network");
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
  });
  afterEach(() => {
    globalThis.fetch = real;
  });
  const header = (at: number, name: string) => new Headers(heard[at]!.init.headers).get(name);

  it("sends the language always and the CSRF token with anything unsafe", async () => {
    answers = [new Response("{}"), new Response("{}")];
    await ask("/api/me");
    await ask("/api/x", { method: "POST", body: {} });
    expect(header(0, "Accept-Language")).toBe("en");
    expect(header(0, "X-CSRF-Token")).toBeNull();
    expect(header(1, "X-CSRF-Token")).toBe("csrf-1");
  });

  it("tells a refusal from no answer", async () => {
    const problem = { code: "crew_already_assigned", title: "", detail: "taken", params: { winner: "Li" } };
    answers = [new Response(JSON.stringify(problem), { status: 409 }), new Response("<html>", { status: 502 }), new Error("cut")];
    await expect(ask("/api/a")).rejects.toMatchObject({ code: "crew_already_assigned", message: "taken", params: { winner: "Li" } });
    await expect(ask("/api/b")).rejects.toBeInstanceOf(Unanswered);
    await expect(ask("/api/c")).rejects.toBeInstanceOf(Unanswered);
    expect(refusalFrom(404, "<html>")).toBeInstanceOf(Refused);
  });

  it("repeats an unanswered request with the same key, and a changed one with another", async () => {
    answers = [new Error("cut"), new Error("cut"), new Response("{}"), new Response("{}")];
    await expect(askOnce("/api/a", "POST", { crew: 1 })).rejects.toBeInstanceOf(Unanswered);
    await expect(askOnce("/api/a", "POST", { crew: 2 })).rejects.toBeInstanceOf(Unanswered);
    await askOnce("/api/a", "POST", { crew: 1 });
    await askOnce("/api/a", "POST", { crew: 1 });
    const keys = [0, 1, 2, 3].map((at) => header(at, "Idempotency-Key"));
    expect(keys[2]).toBe(keys[0]);
    expect(keys[1]).not.toBe(keys[0]);
    expect(keys[3]).not.toBe(keys[0]);
    expect(heard[2]!.init.body).toBe(heard[0]!.init.body);
  });

  it("makes keys that are UUIDs even where the browser offers none", () => {
    const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(newKey()).toMatch(shape);
    const kept = crypto.randomUUID;
    Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
    expect(newKey()).toMatch(shape);
    Object.defineProperty(crypto, "randomUUID", { value: kept, configurable: true });
  });
});
