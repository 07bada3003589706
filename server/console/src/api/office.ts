/**
 * The routes of planned outages, customers, duties that come round, visits and platforms' keys.
 * Belongs here: paths and shapes. Not here: what a page does with an answer.
 */
import { ask, askOnce } from "./http";
import type { components } from "./openapi";
import type { CaseClockView, Filled } from "./types_cases";
import type { Id, Instant } from "./types";

type Wire = { [Name in keyof components["schemas"]]: Filled<components["schemas"][Name]> };
const post = <T>(path: string, body: unknown = {}) => askOnce<T>(path, "POST", body);

export type Outage = Wire["OutageView"];
export type OutageState = Outage["state"];
export type OutagePage = Omit<Wire["OutagePage"], "clocks"> & { clocks: CaseClockView[] };
export type OutageIn = { work: Outage["work"]; words: string; starts_at: Instant; ends_at: Instant; addresses: string[]; residents: boolean; case_id?: Id; incident_id?: Id };

export const outages = (filters: { state: string; case_id: string }) => {
  const said = new URLSearchParams(Object.entries({ ...filters, limit: "200" }).filter(([, value]) => value !== ""));
  return ask<Outage[]>(`/api/outages?${said.toString()}`);
};
export const outage = (id: Id) => ask<OutagePage>(`/api/outages/${id}`);
export const planOutage = (body: OutageIn) => post<Outage>("/api/outages", body);
export const reviseOutage = (id: Id, body: OutageIn) => post<Outage>(`/api/outages/${id}/revision`, body);
export const publishOutage = (id: Id) => post<Outage>(`/api/outages/${id}/publication`);
export const cancelOutage = (id: Id, words: string) => post<Outage>(`/api/outages/${id}/cancellation`, { words });
export const startOutage = (id: Id, at: Instant | null) => post<Outage>(`/api/outages/${id}/start`, { at });
export const restoreSupply = (id: Id, at: Instant | null) => post<Outage>(`/api/outages/${id}/restoring`, { at });
export const consent = (id: Id, body: { address: string; name: string; consented: boolean; present: boolean }) => post<Outage>(`/api/outages/${id}/consents`, body);

export type Customer = Wire["CustomerView"];
export type CustomerPage = Wire["CustomerPage"];
export type EntryKind = Wire["EntryKind"];

export const customers = async (q: string) => (await ask<{ customers: Customer[] }>(`/api/customers?limit=50&q=${encodeURIComponent(q)}`)).customers;
export const customer = (id: Id) => ask<CustomerPage>(`/api/customers/${id}`);
export const openCustomer = (body: { name: string; phone: string; residential: boolean; id_no?: string; address?: string; meter_no?: string }) => post<CustomerPage>("/api/customers", body);
export const unmaskCustomer = (id: Id, reason: string) => post<Wire["customers_wire_Unmasked"]>(`/api/customers/${id}/unmask`, { reason });
export const enterAccount = (id: Id, body: { kind: EntryKind; amount_fen: number; words: string }) => post<unknown>(`/api/customers/${id}/entries`, body);
export const writePlan = (id: Id, body: { due_on: string; words: string }) => post<CustomerPage>(`/api/customers/${id}/plans`, body);
export const turnCustomer = (id: Id, to: "suspension" | "resumption" | "closing", words: string) => post<CustomerPage>(`/api/customers/${id}/${to}`, { words });

export type Routine = Omit<Wire["RoutineView"], "clocks"> & { clocks: CaseClockView[] };
export type Doing = Wire["DoingView"];
export type Visit = Wire["VisitView"];

export const routines = () => ask<Routine[]>("/api/routines");
export const beginRoutine = (code: string) => post<Routine[]>(`/api/routines/${encodeURIComponent(code)}/begun`);
export const doRoutine = (code: string, body: { words: string; evidence: string }) => post<Doing>(`/api/routines/${encodeURIComponent(code)}/doings`, body);
export const doings = (code: string) => ask<Doing[]>(`/api/routines/${encodeURIComponent(code)}/doings?limit=20`);
export const visits = (round: string) => ask<Visit[]>(`/api/visits?round=${round}`);
export const recordVisit = (body: { place_text: string; satisfaction: number; words: string; issues: { words: string }[] }) => post<Visit>("/api/visits", body);

export type PushKey = Wire["PushKeyView"];
export const pushKeys = async () => (await ask<{ keys: PushKey[] }>("/api/push-keys")).keys;
export const makePushKey = (body: { platform: string; name: string; limit_per_minute: number }) => post<{ token: string; key: PushKey }>("/api/push-keys", body);
export const revokePushKey = (id: Id) => askOnce<void>(`/api/push-keys/${id}`, "DELETE");
