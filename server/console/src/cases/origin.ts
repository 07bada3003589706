/**
 * What a new case is begun from: a call that was just written down, or a pushed project. Kept in
 * memory only, because it may hold a caller's whole name and number.
 */
import { shallowRef } from "vue";
import type { CaseDraft } from "./draft";

export const origin = shallowRef<Partial<CaseDraft> | null>(null);
