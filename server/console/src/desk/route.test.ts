import { describe, expect, it } from "vitest";
import { HOME, readRoute, writeRoute } from "./route";

describe("an address", () => {
  it("leads back to the page it was written from", () => {
    const route = { page: "cases", id: null, query: { process: "P04", clock: "late", q: "百花 园&1" } } as const;
    expect(readRoute(writeRoute(route))).toEqual(route);
    expect(readRoute(writeRoute({ page: "cases", id: "a/b" }))).toEqual({ page: "cases", id: "a/b", query: {} });
    expect(readRoute(writeRoute({ page: "call-backs", query: { month: "2026-11" } })).query).toEqual({ month: "2026-11" });
  });

  it("leaves out what is not chosen", () => {
    expect(writeRoute({ page: "cases", query: { process: "", q: "" } })).toBe("#/cases");
  });

  it("leads to the desk when nobody knows it", () => {
    for (const hash of ["", "#", "#/", "#/nowhere", "#/desk?x=1"]) expect(readRoute(hash)).toEqual(HOME);
  });
});
