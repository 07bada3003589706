/** How a long clock may stand; each has a sign, a word and a colour of its own (LongClock). */
export type LongTone = "none" | "calm" | "warn" | "over" | "undated" | "paused" | "met" | "late" | "cancelled";
