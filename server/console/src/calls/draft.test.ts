import { beforeEach, describe, expect, it } from "vitest";
import { Refused, Unanswered } from "../api/http";
import type { SafetyScript } from "../api/types";
import { forgetDraft, keepDraft, keptDraft, logOf, missing, newDraft, stepsToRead } from "./draft";
import { useUntilAnswered } from "./saving";

const script: SafetyScript = {
  version: "1",
  steps: [
    { key: "no_flame", zh: "", en: "", unless_facts: [] },
    { key: "shut_valve", zh: "", en: "", unless_facts: ["fire"] },
  ],
};

describe("a call being written down", () => {
  it("cannot be saved without words, nor with the script unread and no reason", () => {
    const draft = newDraft("k");
    expect(missing(draft, script)).toEqual(["words", "script"]);
    draft.words = "厨房有味";
    draft.stepsRead = ["no_flame"];
    expect(missing(draft, script)).toEqual(["script"]);
    draft.skippedReason = "报警人挂断";
    expect(missing(draft, script)).toEqual([]);
    draft.skippedReason = " ";
    draft.stepsRead.push("shut_valve");
    expect(missing(draft, script)).toEqual([]);
  });

  it("never asks to read a step the facts make dangerous, nor claims it was read", () => {
    const draft = { ...newDraft("k"), words: "着火", facts: { fire: true }, stepsRead: ["no_flame", "shut_valve"] };
    expect(stepsToRead(script, draft.facts).map((step) => step.key)).toEqual(["no_flame"]);
    expect(missing(draft, script)).toEqual([]);
    expect(logOf(draft, script, "?").script.steps_read).toEqual(["no_flame"]);
  });

  it("does not pretend the script was read when it could not be loaded", () => {
    expect(missing({ ...newDraft("k"), words: "x" }, null)).toEqual(["script"]);
  });

  it("needs no script for other business", () => {
    expect(missing({ ...newDraft("k"), words: "x", kind: "business" }, null)).toEqual([]);
  });

  it("says how sure the place is", () => {
    const draft = { ...newDraft("k"), words: "x" };
    expect(logOf(draft, script, "不明").place).toMatchObject({ text: "不明", confidence: "unknown" });
    draft.placeText = "中华路 1 号";
    draft.point = { lon: 105.9, lat: 26.2 };
    draft.pointFrom = "premise";
    expect(logOf(draft, script, "不明").place).toMatchObject({ confidence: "address", lon: 105.9, datum: "wgs84" });
    draft.pointFrom = "map";
    expect(logOf(draft, script, "不明").place.confidence).toBe("pin");
  });

  it("sends only what was said", () => {
    const log = logOf({ ...newDraft("k"), words: " x ", facts: { smell: true, fire: false }, people: "?" }, script, "-");
    expect(log.words).toBe("x");
    expect(log.facts).toEqual({ smell: true });
    expect(log).not.toHaveProperty("people_count");
    expect(log).not.toHaveProperty("caller_phone");
    expect(log).not.toHaveProperty("attach_to_incident_id");
  });

  it("survives a reload, for the person who wrote it only", () => {
    keepDraft({ ...newDraft("k-1"), words: "半截话" }, "person-a");
    expect(keptDraft("person-a")).toMatchObject({ ringKey: "k-1", words: "半截话" });
    expect(keptDraft("person-b")).toBeNull();
    forgetDraft("person-a");
    expect(keptDraft("person-a")).toBeNull();
  });
});

describe("saving until answered", () => {
  let timers: (() => void)[] = [];
  beforeEach(() => (timers = []));
  const outside = {
    later(run: () => void) {
      timers.push(run);
      return () => (timers = timers.filter((one) => one !== run));
    },
  };
  const settle = () => new Promise<void>((done) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(done))));

  it("tries again with the same key until the server answers, and only then says stored", async () => {
    const saving = useUntilAnswered<string>(outside);
    const keys: string[] = [];
    let stored = "";
    const answers: (string | Error)[] = [new Unanswered(null), new Unanswered(503), "C-7"];
    const send = (key: string) => {
      keys.push(key);
      const answer = answers.shift()!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
    saving.start("key-1", send, (answer) => (stored = answer));
    await settle();
    expect(saving.standing.value).toBe("retrying");
    expect(stored).toBe("");
    timers.shift()!();
    await settle();
    expect(saving.tries.value).toBe(2);
    timers.shift()!();
    await settle();
    expect(saving.standing.value).toBe("stored");
    expect(stored).toBe("C-7");
    expect(keys).toEqual(["key-1", "key-1", "key-1"]);
  });

  it("stops at a refusal and shows its words", async () => {
    const saving = useUntilAnswered<string>(outside);
    saving.start("k", () => Promise.reject(new Refused(409, "call_already_logged", "", "已登记", {})), () => undefined);
    await settle();
    expect(saving.standing.value).toBe("refused");
    expect(saving.refusal.value).toBe("已登记");
    expect(timers).toHaveLength(0);
  });

  it("does not report an answer that comes after giving up", async () => {
    const saving = useUntilAnswered<string>(outside);
    let answer: (late: string) => void = () => undefined;
    let stored = false;
    saving.start("k", () => new Promise<string>((resolve) => (answer = resolve)), () => (stored = true));
    saving.stop();
    answer("late");
    await settle();
    expect(stored).toBe(false);
    expect(saving.standing.value).toBe("idle");
  });
});
