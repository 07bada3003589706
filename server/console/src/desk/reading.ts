/**
 * Reading something for a page, again whenever it is asked for. Belongs here: the newest question
 * wins over a slower older one; refused and unanswered in words. Not here: acts (desk/act).
 */
import { ref } from "vue";
import { Refused, Unanswered } from "../api/http";
import { t } from "../i18n";

export function useReading<T>(ask: () => Promise<T>, take: (answer: T) => void) {
  const busy = ref(false);
  /** Something has been read at least once. */
  const read = ref(false);
  const trouble = ref("");
  const code = ref("");
  let era = 0;

  async function again(): Promise<void> {
    const mine = ++era;
    busy.value = true;
    try {
      const answer = await ask();
      if (mine !== era) return;
      take(answer);
      read.value = true;
      trouble.value = code.value = "";
    } catch (failure) {
      if (mine !== era) return;
      if (failure instanceof Refused) {
        trouble.value = failure.message;
        code.value = failure.code;
      } else if (failure instanceof Unanswered) trouble.value = t("action.unread");
      else throw failure;
    } finally {
      if (mine === era) busy.value = false;
    }
  }

  let settling: number | undefined;
  /** Read again once what is happening has settled. */
  function soon(ms = 250): void {
    window.clearTimeout(settling);
    settling = window.setTimeout(() => void again(), ms);
  }
  function forget(): void {
    era += 1;
    window.clearTimeout(settling);
  }

  return { busy, read, trouble, code, again, soon, forget };
}
