/**
 * Notices of the phone's system, for an offer that comes while the page is behind something else,
 * and keeping the screen awake while a crew is held by work.
 */
import { ref } from "vue";

export type Permission = "default" | "granted" | "denied";
const there = "Notification" in window;
export const permission = ref<Permission>(there ? Notification.permission : "denied");

export async function askForNotices(): Promise<void> {
  if (there) permission.value = await Notification.requestPermission();
}

/** Show a notice if the page is not in front; the same tag replaces itself. */
export async function notice(tag: string, title: string, body: string): Promise<void> {
  if (permission.value !== "granted" || document.visibilityState === "visible") return;
  const worker = await navigator.serviceWorker.ready;
  await worker.showNotification(title, { body, tag, requireInteraction: true, icon: "/icon-192.png" });
}

let lock: WakeLockSentinel | null = null;

export async function stayAwake(on: boolean): Promise<void> {
  if (!("wakeLock" in navigator)) return;
  if (!on) {
    await lock?.release();
    lock = null;
  } else if (lock === null || lock.released) {
    // Refused on a low battery: then the phone's own time-out holds.
    lock = await navigator.wakeLock.request("screen").catch(() => null);
  }
}
