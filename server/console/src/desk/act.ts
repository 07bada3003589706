/**
 * One action of a person and how it ended. Belongs here: busy, refused in the server's words,
 * unanswered. Not here: what the action is.
 */
import { ref } from "vue";
import { Refused, Unanswered } from "../api/http";
import { t } from "../i18n";

/** Run an action; `trouble` is what to show when it did not happen. */
export function useAct() {
  const busy = ref(false);
  const trouble = ref("");
  const code = ref("");
  async function act(run: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    trouble.value = "";
    code.value = "";
    try {
      await run();
      return true;
    } catch (failure) {
      if (failure instanceof Refused) {
        trouble.value = failure.message;
        code.value = failure.code;
      } else if (failure instanceof Unanswered) {
        trouble.value = t("action.unanswered");
      } else throw failure;
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, trouble, code, act };
}
