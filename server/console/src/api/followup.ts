/**
 * The routes of pushed projects, call-backs and issues. Belongs here: paths and shapes. Not here:
 * what a page does with an answer.
 */
import { ask, askOnce } from "./http";
import type { components } from "./openapi";
import type { CaseClockView, Filled } from "./types_cases";
import type { Id } from "./types";

type Wire = { [Name in keyof components["schemas"]]: Filled<components["schemas"][Name]> };

export type Lead = Wire["intake_wire_LeadView"];
export type LeadState = Lead["state"];
export type LeadPage = Omit<Wire["LeadPage"], "clocks"> & { clocks: CaseClockView[] };
export type Push = Wire["PushView"];
export type MonthView = Wire["MonthView"];
export type CallBack = Wire["CallBackView"];
export type DrawView = Wire["DrawView"];
export type Issue = Omit<Wire["IssueView"], "clocks"> & { clocks: CaseClockView[] };
export type PushKey = Wire["PushKeyView"];

const post = <T>(path: string, body: unknown) => askOnce<T>(path, "POST", body);

export const leads = (filters: { state: string; q: string; manager: string }, after: string | null) => {
  const said = new URLSearchParams({ limit: "80", ...(filters.state ? { state: filters.state } : {}), ...(filters.q ? { q: filters.q } : {}), ...(filters.manager ? { manager: filters.manager } : {}), ...(after ? { after } : {}) });
  return ask<{ leads: Lead[]; next: Id | null }>(`/api/leads?${said.toString()}`);
};
export const lead = (id: Id) => ask<LeadPage>(`/api/leads/${id}`);
export const handOver = (id: Id, words: string) => post<LeadPage>(`/api/leads/${id}/hand-over`, { words });
export const contact = (id: Id, body: { means: string; reached: boolean; words: string; proof: string }) => post<LeadPage>(`/api/leads/${id}/contacts`, body);
export const makeCase = (id: Id, body: { process: string; particulars?: Record<string, boolean | number>; words?: string }) => post<LeadPage>(`/api/leads/${id}/case`, body);
export const dismiss = (id: Id, body: { reason: string; words: string }) => post<LeadPage>(`/api/leads/${id}/dismissal`, body);
export const unmaskLead = (id: Id, reason: string) => post<{ contact_name: string; contact_phone: string | null }>(`/api/leads/${id}/unmask`, { reason });
export const openPushes = async () => (await ask<{ pushes: Push[] }>("/api/pushes?open=true")).pushes;
export const settlePush = (id: Id, words: string) => post<Push>(`/api/pushes/${id}/settlement`, { words });

export const callBacks = (month: string) => ask<MonthView>(`/api/call-backs?month=${month}`);
export const draw = (month: string) => post<MonthView>("/api/call-backs/draws", { month });
export const replay = (month: string) => ask<DrawView>(`/api/call-backs/draws/${month}`);
export const attempt = (id: Id, body: { result: string; satisfaction?: number; words: string; smells?: boolean; issues?: { words: string; accused_department?: string }[] }) => post<CallBack>(`/api/call-backs/${id}/attempts`, body);
export const unmaskCallBack = (id: Id, reason: string) => post<{ name: string; phone: string }>(`/api/call-backs/${id}/unmask`, { reason });
export const printLedger = (month: string) => post<{ id: Id }>("/api/call-backs/ledgers", { month });
export const issues = async (state: string) => (await ask<{ issues: Issue[] }>(`/api/issues?limit=200${state ? `&state=${state}` : ""}`)).issues;
export const closeIssue = (id: Id, body: { evidence: string; words: string }) => post<Issue>(`/api/issues/${id}/closing`, body);
