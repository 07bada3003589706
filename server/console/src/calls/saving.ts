/**
 * Getting a call onto the server, whatever the network does. Belongs here: the ring, the log, and
 * trying again with the same key and the very same bytes until somebody answers. Not here: fields.
 */
import { ref } from "vue";
import * as api from "../api/console";
import { newKey, Refused, Unanswered } from "../api/http";
import type { Call, CallLog, CallLogged } from "../api/types";

export type Standing = "idle" | "trying" | "retrying" | "refused" | "stored";

const WAITS_MS = [1000, 2000, 4000, 8000, 15_000];

export interface Outside {
  later(run: () => void, ms: number): () => void;
}

const browser: Outside = {
  later(run, ms) {
    const timer = window.setTimeout(run, ms);
    return () => window.clearTimeout(timer);
  },
};

/**
 * One thing that must reach the server exactly once. `send` is called with the key again and
 * again until it answers; a refusal ends the trying and the next start takes a new key.
 */
export function useUntilAnswered<T>(outside: Outside = browser) {
  const standing = ref<Standing>("idle");
  const tries = ref(0);
  const refusal = ref("");
  let cancel: () => void = () => undefined;
  let era = 0;

  function start(key: string, send: (key: string) => Promise<T>, stored: (answer: T) => void): void {
    stop();
    const mine = ++era;
    standing.value = "trying";
    refusal.value = "";
    tries.value = 0;
    const once = async (): Promise<void> => {
      try {
        const answer = await send(key);
        if (mine !== era) return;
        standing.value = "stored";
        stored(answer);
      } catch (failure) {
        if (mine !== era) return;
        if (failure instanceof Refused) {
          standing.value = "refused";
          refusal.value = failure.message;
          return;
        }
        if (!(failure instanceof Unanswered)) throw failure;
        standing.value = "retrying";
        tries.value += 1;
        cancel = outside.later(() => void once(), WAITS_MS[Math.min(tries.value, WAITS_MS.length) - 1]!);
      }
    };
    void once();
  }

  /** Give up trying; what the server may have stored stays stored, and its key is not used again. */
  function stop(): void {
    era += 1;
    cancel();
    if (standing.value !== "stored") standing.value = "idle";
  }

  function reset(): void {
    stop();
    standing.value = "idle";
    tries.value = 0;
    refusal.value = "";
  }

  return { standing, tries, refusal, start, stop, reset };
}

export const sendRing = (channel: string) => (key: string): Promise<Call> => api.ring({ channel }, key);

export function sendLog(callId: string, log: CallLog): (key: string) => Promise<CallLogged> {
  // Written once: a repeat must be byte for byte what the first try was.
  const text = JSON.stringify(log);
  return (key) => api.logCall(callId, text, key);
}

export { newKey };
