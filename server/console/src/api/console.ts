/**
 * The routes of the console API, one function each. Belongs here: paths and the shapes that
 * go in and come out. Not here: what a screen does with an answer.
 */
import { ask, askOnce } from "./http";
import type {
  Assignment,
  Call,
  CallLogged,
  Closure,
  DemoSignIn,
  FoundPlace,
  Id,
  IncidentClass,
  IncidentDetail,
  IncidentPage,
  MapFacts,
  Me,
  Pairing,
  Person,
  Phone,
  PlaceSaid,
  Recommendation,
  Role,
  SafetyScript,
  Similar,
  Snapshot,
  Track,
  Unmasked,
} from "./types";

function post<T>(path: string, body: unknown = {}): Promise<T> {
  return askOnce<T>(path, "POST", body);
}

export const signIn = (company: string, username: string, password: string) =>
  ask<Me>("/api/session", { method: "POST", body: { company, username, password }, quietOn401: true });
export const signOut = () => ask<void>("/api/session", { method: "DELETE" });
export const me = () => ask<Me>("/api/me", { quietOn401: true });

export const snapshot = () => ask<Snapshot>("/api/snapshot");
export const mapFacts = () => ask<MapFacts>("/api/map");
export const zones = () => ask<GeoJSON.FeatureCollection>("/api/zones");
export const searchPlaces = (q: string, signal: AbortSignal) =>
  ask<FoundPlace[]>(`/api/places/search?q=${encodeURIComponent(q)}&limit=8`, { signal });
export const demoSignIns = () => ask<DemoSignIn[]>("/api/demo-sign-ins");
export const safetyScript = () => ask<SafetyScript>("/api/safety-script");

export const ring = (body: { channel: string; caller_phone?: string; line?: string }, key: string) =>
  ask<Call>("/api/rings", { method: "POST", body, key });
export const logCall = (call: Id, text: string, key: string) =>
  ask<CallLogged>(`/api/calls/${call}/log`, { method: "POST", text, key });
export const abandonCall = (call: Id) => post<Call>(`/api/calls/${call}/abandon`);
export const answerCall = (
  call: Id,
  body: { result: "smell_gone" | "smells_again" | "not_reached" | "informed"; words?: string },
) => post<unknown>(`/api/calls/${call}/answer`, body);
export const unmaskCall = (call: Id, reason: string) =>
  post<Unmasked>(`/api/calls/${call}/unmask`, { reason });

export const incidents = (state: string, limit = 50) =>
  ask<IncidentPage>(`/api/incidents?state=${encodeURIComponent(state)}&limit=${limit}`);
export const incident = (id: Id) => ask<IncidentDetail>(`/api/incidents/${id}`);
export const similar = (lon: number, lat: number) =>
  ask<Similar[]>(`/api/incidents/similar?lon=${lon}&lat=${lat}`);
export const changeClass = (id: Id, to: IncidentClass, reason: string) =>
  post<unknown>(`/api/incidents/${id}/class`, { to, reason });
export const confirmClass = (id: Id, proposal_id: Id, agree: boolean) =>
  post<unknown>(`/api/incidents/${id}/class/confirm`, { proposal_id, agree });
export const changePlace = (id: Id, place: PlaceSaid, reason: string) =>
  post<unknown>(`/api/incidents/${id}/place`, { place, reason });
export const addWorkOrder = (id: Id, kind: string) => post<unknown>(`/api/incidents/${id}/work-orders`, { kind });
export const close = (id: Id, cause: string, words: string) =>
  post<unknown>(`/api/incidents/${id}/close`, { cause, words });
export const review = (id: Id, words: string) => post<unknown>(`/api/incidents/${id}/review`, { words });
export const reopen = (id: Id, words: string) => post<unknown>(`/api/incidents/${id}/reopen`, { words });

export const recommend = (workOrder: Id) =>
  post<Recommendation>(`/api/work-orders/${workOrder}/recommendation`);
export const assign = (
  workOrder: Id,
  body: { crew_id: Id; recommendation_id?: Id; override_reason?: string; additional?: boolean },
) => post<Assignment>(`/api/work-orders/${workOrder}/assignments`, body);
export const recall = (assignment: Id, reason: string) =>
  post<unknown>(`/api/assignments/${assignment}/recall`, { reason });

export const claimExemption = (
  id: Id,
  body: { clock_id: Id; cause: string; words: string; evidence: string },
) => post<unknown>(`/api/incidents/${id}/exemptions`, body);
export const ruleExemption = (exemption: Id, granted: boolean, reason: string) =>
  post<unknown>(`/api/exemptions/${exemption}/ruling`, { granted, reason });

export const acknowledgeAlarm = (id: Id) => post<unknown>(`/api/alarms/${id}/acknowledge`);
export const track = (crew: Id, minutes = 60) => ask<Track>(`/api/crews/${crew}/track?minutes=${minutes}`);

export const closures = () => ask<Closure[]>("/api/closures");
export const addClosure = (
  body: { geometry: GeoJSON.Geometry; factor: number | null; reason: string; until: string | null },
) => post<Closure>("/api/closures", body);
export const removeClosure = (id: Id) => askOnce<void>(`/api/closures/${id}`, "DELETE");

export const people = () => ask<Person[]>("/api/people");
export const phones = () => ask<Phone[]>("/api/phones");
export const addPerson = (body: { name: string; username: string; password: string | null; roles: Role[] }) =>
  post<Person>("/api/people", body);
export const pair = (person_id: Id) => post<Pairing>("/api/phones/pairings", { person_id });
export const removePhone = (id: Id) => askOnce<void>(`/api/phones/${id}`, "DELETE");
