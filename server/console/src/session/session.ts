/**
 * Who sits at this desk. Belongs here: the signed-in person and what their roles may do on
 * screen. The server refuses what is not allowed; this only keeps such buttons out of the way.
 */
import { computed, shallowRef } from "vue";
import * as api from "../api/console";
import { Refused, rememberCsrf, whenSignedOut } from "../api/http";
import type { Me, Role } from "../api/types";
import { desk } from "../desk/store";

const me = shallowRef<Me | null>(null);
/** Not yet known whether a session is still good. */
const asking = shallowRef(true);
/** The session ended under the user's hands; the sign-in page says so. */
const ended = shallowRef(false);

function began(who: Me): void {
  rememberCsrf(who.csrf_token);
  me.value = who;
  ended.value = false;
  desk.start();
}

function over(): void {
  if (me.value === null) return;
  me.value = null;
  desk.stop();
}

whenSignedOut(() => {
  if (me.value !== null) ended.value = true;
  over();
});

async function resume(): Promise<void> {
  try {
    began(await api.me());
  } catch (failure) {
    // Not signed in, or nobody answers: both lead to the sign-in page, which tells them apart.
    if (!(failure instanceof Error)) throw failure;
  } finally {
    asking.value = false;
  }
}

async function signIn(company: string, username: string, password: string): Promise<void> {
  began(await api.signIn(company, username, password));
}

async function signOut(): Promise<void> {
  try {
    await api.signOut();
  } catch (failure) {
    if (!(failure instanceof Refused)) throw failure;
  }
  over();
}

const roles = computed<ReadonlySet<Role>>(() => new Set(me.value?.person.roles ?? []));
const any = (...wanted: Role[]) => computed(() => wanted.some((role) => roles.value.has(role)));

export const session = {
  me,
  asking,
  ended,
  resume,
  signIn,
  signOut,
  mayDispatch: any("dispatcher", "supervisor"),
  mayTakeCalls: any("operator", "dispatcher", "supervisor"),
  mayClose: any("dispatcher", "supervisor"),
  mayReview: any("supervisor"),
  mayRule: any("supervisor"),
  mayClosures: any("dispatcher", "supervisor"),
  mayPair: any("administrator", "supervisor", "dispatcher"),
  mayListPeople: any("administrator", "supervisor"),
  mayAddPeople: any("administrator"),
  /** Calendar and policy pack: what moves every deadline of the company. */
  mayOffice: any("administrator"),
  mayEditions: any("administrator", "supervisor", "auditor"),
  mayReport: any("supervisor", "administrator", "auditor", "account_manager"),
  /** Outages and customers; the administrator of accounts has no business there. */
  mayReadBusiness: any("operator", "dispatcher", "supervisor", "account_manager", "auditor"),
  mayKeepCustomers: any("operator", "supervisor", "account_manager"),
  mayFile: any("operator", "dispatcher", "supervisor", "account_manager"),
};
