/**
 * The company's policy pack, read once for all pages that need its names. Belongs here: reading it
 * and finding things in it. Not here: the rules themselves, which only the server judges by.
 */
import { computed, shallowRef } from "vue";
import * as api from "../api/policy";
import type { PackView, PolicyProcess } from "../api/policy";
import { useReading } from "../desk/reading";

const pack = shallowRef<PackView | null>(null);
const processes = shallowRef<PolicyProcess[]>([]);
const reading = useReading(
  () => Promise.all([api.pack(), api.processes()]),
  ([read, drawn]) => {
    pack.value = read;
    processes.value = drawn;
  },
);

const classes = computed(() => pack.value?.customer_classes ?? []);
const channels = computed(() => pack.value?.channels ?? []);
const fees = computed(() => pack.value?.fees ?? []);
const forms = computed(() => pack.value?.forms ?? []);
const roles = computed(() => pack.value?.roles ?? []);

/** Which particulars this process, its classes, clauses and fees ask about, in the pack's order. */
export function particularsAsked(read: PackView | null, process: PolicyProcess | undefined): string[] {
  if (read === null || process === undefined) return [];
  const asked = new Set<string>();
  const look = (conditions: Readonly<Record<string, unknown>> | null | undefined) => Object.keys(conditions ?? {}).forEach((key) => asked.add(key));
  // Every class: the first that fits is the case's, so those before the process's own matter too.
  for (const one of read.customer_classes) look(one.when);
  for (const one of read.clauses) if (one.applies.processes.length === 0 || one.applies.processes.includes(process.id)) look(one.applies.when);
  for (const step of process.steps) for (const branch of step.branches) look(branch.when);
  const charged = new Set(process.steps.flatMap((step) => step.fees));
  for (const one of read.fees) if (charged.has(one.id)) look(one.when);
  return [...asked];
}

export function usePack() {
  return {
    pack,
    processes,
    classes,
    channels,
    fees,
    forms,
    roles,
    trouble: reading.trouble,
    busy: reading.busy,
    /** Read it if nobody has yet. */
    async load(): Promise<void> {
      if (pack.value === null && !reading.busy.value) await reading.again();
    },
    /** Read it again: another edition is in force. */
    reload: reading.again,
  };
}
