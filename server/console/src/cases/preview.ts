/**
 * What will most likely follow from what has been typed: the class of customer and the clauses whose
 * clocks will run. A preview of the pack's own rules (server/policy/rules.py): the server decides.
 */
import type { Conditions, CustomerClass, PackClause, PackView, PolicyProcess } from "../api/policy";

export type Particulars = Readonly<Record<string, unknown>>;

interface Bounds {
  above?: number | null;
  at_least?: number | null;
  at_most?: number | null;
  below?: number | null;
}

/** All conditions hold; what is not known holds no condition. */
export function hold(conditions: Conditions | null | undefined, particulars: Particulars): boolean {
  return Object.entries(conditions ?? {}).every(([key, wanted]) => {
    const known = particulars[key];
    if (known === null || known === undefined) return false;
    if (typeof wanted !== "object") return known === wanted;
    return typeof known === "number" && within(wanted as Bounds, known);
  });
}

function within(bounds: Bounds, value: number): boolean {
  const given = (bound: number | null | undefined): bound is number => bound !== null && bound !== undefined;
  if (given(bounds.above) && value <= bounds.above) return false;
  if (given(bounds.at_least) && value < bounds.at_least) return false;
  if (given(bounds.at_most) && value > bounds.at_most) return false;
  return !given(bounds.below) || value < bounds.below;
}

/** The first class whose conditions hold. */
export function classOf(pack: PackView, particulars: Particulars): CustomerClass | null {
  return pack.customer_classes.find((one) => hold(one.when, particulars)) ?? null;
}

/** The clauses that will bind the case; those that begin with the application itself come first. */
export function clausesFor(pack: PackView, process: PolicyProcess, customer: CustomerClass | null, particulars: Particulars): PackClause[] {
  const chosen = pack.clauses.filter(
    (one) =>
      one.subject === "case" &&
      (one.applies.processes.length === 0 || one.applies.processes.includes(process.id)) &&
      (one.applies.customers.length === 0 || (customer !== null && one.applies.customers.includes(customer.id))) &&
      hold(one.applies.when, particulars),
  );
  const first = (one: PackClause) => (one.start === process.start_fact ? 0 : 1);
  return [...chosen].sort((a, b) => first(a) - first(b));
}
