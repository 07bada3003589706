/** The field API's routes by name. Not here: when they are asked. */
import type { Answer, Fix, FixesKept, Paired, Snapshot, Word } from "./types";
import { ask, Unanswered } from "./http";

export function pair(company: string, code: string, deviceName: string): Promise<Paired> {
  return ask<Paired>("/v1/pair", { body: { company, code, device_name: deviceName } });
}

export async function readSnapshot(token: string): Promise<Snapshot> {
  const said = await ask<Partial<Snapshot>>("/v1/snapshot", { token });
  if (typeof said.seq !== "number" || !Array.isArray(said.callouts)) throw new Unanswered(200);
  return said as Snapshot;
}

const OUTCOMES = new Set(["applied", "late", "duplicate", "refused"]);

/** Send one word, with the phone's clock as it is at this sending. */
export async function say(token: string, word: Word, sentAt: string): Promise<Answer> {
  const said = await ask<Partial<Answer>>("/v1/actions", { token, body: { ...word, sent_at: sentAt } });
  // Something that is not an answer to this very word proves nothing was stored.
  if (said.key !== word.key || !OUTCOMES.has(said.outcome ?? "")) throw new Unanswered(200);
  return said as Answer;
}

export async function sendFixes(token: string, fixes: readonly Fix[], sentAt: string): Promise<FixesKept> {
  const said = await ask<Partial<FixesKept>>("/v1/fixes", { token, body: { sent_at: sentAt, fixes } });
  if (typeof said.accepted !== "number") throw new Unanswered(200);
  return said as FixesKept;
}
