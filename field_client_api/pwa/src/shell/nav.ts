/**
 * Which page is open, bound to the phone's back key: going back closes what is on top. Not here:
 * what pages show.
 */
import { computed, ref } from "vue";

export type Page =
  | { name: "home" }
  | { name: "callout"; id: string }
  | { name: "form"; id: string; form: FormName }
  | { name: "words" }
  | { name: "settings" };

export type FormName =
  | "decline"
  | "depart"
  | "first_report"
  | "reading"
  | "made_safe"
  | "source_found"
  | "repaired"
  | "recheck"
  | "nobody_home"
  | "address_wrong"
  | "complete"
  | "not_ready"
  | "clear"
  | "more";

const stack = ref<Page[]>([{ name: "home" }]);

export const page = computed<Page>(() => stack.value[stack.value.length - 1]!);

export function open(next: Page): void {
  stack.value = [...stack.value, next];
  history.pushState({ depth: stack.value.length }, "");
}

/** Put another page in place of the top one: back then leads past it. */
export function swap(next: Page): void {
  stack.value = [...stack.value.slice(0, -1), next];
}

export function back(): void {
  if (stack.value.length > 1) history.back();
}

/** Close everything above the callout (or all, if it is not open). */
export function backToCallout(id: string): void {
  const at = stack.value.findIndex((one) => one.name === "callout" && one.id === id);
  const steps = stack.value.length - 1 - Math.max(at, 0);
  if (steps > 0) history.go(-steps);
}

export function start(): void {
  history.replaceState({ depth: 1 }, "");
  window.addEventListener("popstate", (moved) => {
    const told: unknown = moved.state;
    const depth = typeof told === "object" && told !== null && "depth" in told ? Number(told.depth) : 1;
    stack.value = stack.value.slice(0, Math.max(1, Math.min(depth, stack.value.length)));
  });
}

/** Forget all pages (the phone belongs to nobody now). */
export function reset(): void {
  stack.value = [{ name: "home" }];
  history.replaceState({ depth: 1 }, "");
}
