import { describe, expect, it } from "vitest";
import { newKey, Refused, Unanswered, understand, Unpaired } from "./http";

const problem = (code: string) => JSON.stringify({ code, title: "Title.", detail: "Detail." });

describe("what an answer means", () => {
  it("is an answer only when it is JSON", () => {
    expect(understand(200, '{"a":1}', true)).toEqual({ a: 1 });
    expect(() => understand(200, "<html>sign in to the hotel</html>", true)).toThrow(Unanswered);
  });

  it("is a refusal only with our code", () => {
    expect(() => understand(403, problem("forbidden"), true)).toThrow(Refused);
    expect(() => understand(403, "<html>blocked</html>", true)).toThrow(Unanswered);
    expect(() => understand(404, '{"error":"not here"}', true)).toThrow(Unanswered);
  });

  it("is unanswered when the server fell over", () => {
    for (const status of [408, 500, 502, 503]) expect(() => understand(status, problem("x"), true)).toThrow(Unanswered);
  });

  it("tells a revoked phone from a refused pairing", () => {
    expect(() => understand(401, problem("not_signed_in"), true)).toThrow(Unpaired);
    expect(() => understand(401, problem("pairing_refused"), false)).toThrow(Refused);
    expect(() => understand(401, "<html>proxy</html>", true)).toThrow(Unanswered);
  });

  it("makes keys that are UUIDs", () => {
    expect(newKey()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
