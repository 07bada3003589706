import { describe, expect, it } from "vitest";
import { bodyOfCase, forgetCaseDraft, keepCaseDraft, keptCaseDraft, lacking, newCaseDraft } from "./draft";

const ZONE = "Asia/Shanghai";
const filled = { ...newCaseDraft("k"), process: "P04", channel: "walk_in", name: " 王某 ", phone: "138", placeText: "桂花家园 3 幢" };

describe("a case being filed", () => {
  it("says what is lacking before it asks the server", () => {
    expect(lacking(newCaseDraft("k"), ZONE)).toEqual(["process", "channel", "name", "phone", "place"]);
    expect(lacking(filled, ZONE)).toEqual([]);
    expect(lacking({ ...filled, placeText: "", premiseId: "p" }, ZONE)).toEqual([]);
    expect(lacking({ ...filled, particulars: { flow_m3h: "abc" } }, ZONE)).toEqual(["number"]);
    expect(lacking({ ...filled, receivedAt: "gestern" }, ZONE)).toEqual(["received"]);
  });

  it("asks a complaint for whom it is about and what for", () => {
    expect(lacking({ ...filled, process: "P19" }, ZONE)).toEqual(["accused", "words"]);
  });

  it("sends what is known and nothing that is not", () => {
    const body = bodyOfCase({ ...filled, particulars: { residential: false, flow_m3h: "18.5", key_project: null, install_fee_fen: "12.3" }, receivedAt: "2026-11-21T09:00" }, ZONE);
    expect(body).toEqual({
      process: "P04",
      channel: "walk_in",
      applicant: { name: "王某", phone: "138" },
      place: { text: "桂花家园 3 幢", datum: "wgs84" },
      particulars: { residential: false, flow_m3h: 18.5, install_fee_fen: 1230 },
      received_at: "2026-11-21T01:00:00Z",
    });
  });

  it("survives a reload, for the person who wrote it", () => {
    keepCaseDraft(filled, "me");
    expect(keptCaseDraft("me")).toEqual(filled);
    expect(keptCaseDraft("somebody else")).toBeNull();
    forgetCaseDraft("me");
    expect(keptCaseDraft("me")).toBeNull();
  });
});
