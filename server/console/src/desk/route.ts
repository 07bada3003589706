/**
 * Which page is open and what of it, read from and written to the address. Belongs here: the shape
 * of an address, so that a reload, a bookmark and the back key find the same page. Not here: what
 * a page shows, who may see it.
 */
export const PAGES = ["desk", "cases", "leads", "complaints", "call-backs", "outages", "customers", "reports", "calendar", "pack", "people"] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  page: Page;
  /** One thing of the page: a case's id, a year of the calendar, `new` for a form. */
  id: string | null;
  query: Readonly<Record<string, string>>;
}

export const HOME: Route = { page: "desk", id: null, query: {} };

/** Read an address after its `#`. What is not known leads to the desk, never to an empty page. */
export function readRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", id = ""] = path.split("/", 2);
  const known = PAGES.find((one) => one === page);
  if (known === undefined || known === "desk") return HOME;
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) if (value !== "") query[name] = value;
  return { page: known, id: id === "" ? null : decodeURIComponent(id), query };
}

export function writeRoute(route: { page: Page; id?: string | null; query?: Readonly<Record<string, string>> }): string {
  if (route.page === "desk") return "#/";
  const search = new URLSearchParams(Object.entries(route.query ?? {}).filter(([, value]) => value !== ""));
  const tail = [...search.keys()].length > 0 ? `?${search.toString()}` : "";
  return `#/${route.page}${route.id ? `/${encodeURIComponent(route.id)}` : ""}${tail}`;
}
