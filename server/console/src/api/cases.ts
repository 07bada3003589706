/**
 * The routes of cases and what surrounds them, one function each. Belongs here: paths and the shapes
 * that go in and come out. Not here: what a page does with an answer.
 */
import { ask, askOnce } from "./http";
import type { CaseList, CasePageView, Explanation } from "./types_cases";
import type { Id, Instant, Unmasked } from "./types";

function post<T>(path: string, body: unknown = {}): Promise<T> {
  return askOnce<T>(path, "POST", body);
}

function search(values: Readonly<Record<string, string | number | undefined>>): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== "") said.set(name, String(value));
  const text = said.toString();
  return text === "" ? "" : `?${text}`;
}

export const cases = (filters: Readonly<Record<string, string>>, after: string | null, limit: number) =>
  ask<CaseList>(`/api/cases${search({ ...filters, after: after ?? undefined, limit })}`);
export const readCase = (id: Id) => ask<CasePageView>(`/api/cases/${id}`);
export const openCase = (text: string, key: string) => ask<CasePageView>("/api/cases", { method: "POST", text, key });

/** Any act of a case: `path` is what the act itself names, below the case. */
export const act = (id: Id, path: string, body: unknown) => post<CasePageView>(`/api/cases/${id}/${path}`, body);
export const unmaskCase = (id: Id, reason: string) => post<Unmasked & { id_no: string | null }>(`/api/cases/${id}/unmask`, { reason });
export const explain = (clock: Id) => ask<Explanation>(`/api/clocks/${clock}/explanation`);
export const claimClock = (clock: Id, body: { cause: string; words: string; evidence: string }) => post<unknown>(`/api/clocks/${clock}/exemptions`, body);
export const signForm = (form: Id, body: { as: string; name: string }) => post<unknown>(`/api/forms/${form}/signatures`, body);
export const formHtml = (form: Id) => `/api/forms/${form}/html`;
export const formPdf = (form: Id) => `/api/forms/${form}/pdf`;

export type PaperIn = { state: "received" | "rejected" | "waived"; words?: string; copy_no?: string };
export type DeferralIn = { documents: string[]; due_at?: Instant; words?: string };
