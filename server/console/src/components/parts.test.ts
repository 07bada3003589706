import { mount } from "@vue/test-utils";
import { beforeEach, describe, expect, it } from "vitest";
import type { Call, Clock, Me } from "../api/types";
import { desk } from "../desk/store";
import { i18n, speak } from "../i18n";
import { session } from "../session/session";
import ClassBadge from "./ClassBadge.vue";
import CountClock from "./CountClock.vue";
import FactKeys from "./FactKeys.vue";
import CallerList from "./incident/CallerList.vue";

const global = { plugins: [i18n] };
const START = Date.parse("2026-11-21T00:00:00Z");

function call(over: Partial<Call> = {}): Call {
  return {
    id: "c1",
    version: 1,
    number: "C1",
    drill: false,
    channel: "phone",
    state: "logged",
    received_at: "2026-11-21T00:00:00Z",
    logged_at: null,
    kind: "gas_emergency",
    words: "有味",
    caller_name: "王**",
    caller_phone: "138****5678",
    place_text: null,
    people_count: null,
    incident_id: "i",
    owed_answer: true,
    answer_attempts: 0,
    answered_back_at: null,
    answer_result: null,
    script: null,
    ...over,
  };
}

function clock(over: Partial<Clock> = {}): Clock {
  return {
    id: "k",
    version: 1,
    subject_kind: "incident",
    subject_id: "i",
    what: "arrived",
    clause: { id: "", zh: "", en: "", quote: "", source: "", own_promise: false, standing: "default" },
    started_at: "2026-11-21T00:00:00Z",
    due_at: "2026-11-21T00:30:00Z",
    stopped_at: null,
    state: "running",
    warn_at: ["2026-11-21T00:15:00Z"],
    exemption: "none",
    arithmetic: { zh: "", en: "" },
    number: 1, paused: false, paused_seconds: 0, standing: false, provisional: false,
    ...over,
  };
}

function sitDown(role: Me["person"]["roles"][number]): void {
  session.me.value = {
    person: { id: "p", name: "p", username: "p", roles: [role] },
    company: { id: "c", code: "c", name_zh: "", name_en: "", time_zone: "Asia/Shanghai", policy_pack: "" },
    csrf_token: "",
  };
}

beforeEach(() => speak("zh"));

describe("a caller in the list", () => {
  it("stays masked, and a masked number cannot be dialled", () => {
    sitDown("dispatcher");
    const list = mount(CallerList, { props: { calls: [call()] }, global });
    expect(list.get("[data-testid=caller-phone]").text()).toBe("138****5678");
    expect(list.find("a[href^='tel:']").exists()).toBe(false);
    expect(list.find("[data-testid=caller-owed]").exists()).toBe(true);
  });

  it("offers an auditor neither call-back nor a look behind the mask", () => {
    sitDown("auditor");
    const list = mount(CallerList, { props: { calls: [call()] }, global });
    expect(list.find("[data-testid=call-back]").exists()).toBe(false);
    expect(list.find("[data-testid=unmask]").exists()).toBe(false);
  });
});

describe("a clock on the desk", () => {
  const shown = (atMs: number, over: Partial<Clock> = {}) => {
    desk.businessMs.value = atMs;
    const one = mount(CountClock, { props: { clock: clock(over) }, global });
    return { tone: one.attributes("data-tone"), text: one.text() };
  };

  it("says in figures and in words where it stands, not only in colour", () => {
    expect(shown(START + 60_000)).toEqual({ tone: "calm", text: "29:00到场" });
    expect(shown(START + 16 * 60_000)).toEqual({ tone: "warn", text: "14:00到场临近时限" });
    expect(shown(START + 31 * 60_000)).toEqual({ tone: "over", text: "+01:00到场超时" });
    const met = { state: "met", stopped_at: "2026-11-21T00:12:30Z" } as const;
    expect(shown(START + 99 * 60_000, met)).toEqual({ tone: "met", text: "12:30到场达成" });
  });
});

describe("signs", () => {
  it("give every class a shape of its own and a name", () => {
    const levels = ["P0", "P1", "P2", "P3"] as const;
    const badges = levels.map((level) => mount(ClassBadge, { props: { level }, global }));
    expect(new Set(badges.map((badge) => badge.get("path").attributes("d"))).size).toBe(4);
    expect(badges[0]!.attributes("aria-label")).toBe("P0 特急");
  });
});

describe("the facts", () => {
  it("toggle by the letter they show, and leave shortcuts alone", async () => {
    const keys = mount(FactKeys, { props: { facts: {}, disabled: false }, global });
    await keys.trigger("keydown", { key: "A" });
    await keys.trigger("keydown", { key: "q" });
    await keys.trigger("keydown", { key: "a", ctrlKey: true });
    await keys.trigger("keydown", { key: "m" });
    expect(keys.emitted("toggle")).toEqual([["smell"], ["fire"]]);
  });
});
