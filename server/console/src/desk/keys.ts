/**
 * Keys that work anywhere on the desk. Belongs here: which key means what, for one place to read
 * and the help page to show. The parts say what to do; this says when.
 */
import { onBeforeUnmount, onMounted } from "vue";
import { isTyping } from "./shell";

export interface KeyUse {
  /** As KeyboardEvent.key says, compared without case. */
  key: string;
  /** Also while the cursor is in a field. */
  whileTyping?: boolean;
  ctrl?: boolean;
  /** Returns false to let the key through as if nobody had listened. */
  run(press: KeyboardEvent): boolean | void;
}

/** Listen while the calling component is on screen. */
export function useKeys(uses: readonly KeyUse[]): void {
  const heard = (press: KeyboardEvent) => {
    if (press.defaultPrevented || press.isComposing || press.altKey) return;
    for (const use of uses) {
      if (use.key.toLowerCase() !== press.key.toLowerCase()) continue;
      if ((use.ctrl ?? false) !== (press.ctrlKey || press.metaKey)) continue;
      if (!use.whileTyping && isTyping(press.target)) continue;
      if (use.run(press) !== false) {
        press.preventDefault();
        return;
      }
    }
  };
  onMounted(() => window.addEventListener("keydown", heard));
  onBeforeUnmount(() => window.removeEventListener("keydown", heard));
}
