/** Day or night: black on white for sunlight, dark for eyes used to the dark. */
import { ref } from "vue";

export type Theme = "light" | "dark" | "auto";
const KEPT = "changming.theme";
const night = window.matchMedia("(prefers-color-scheme: dark)");

function kept(): Theme {
  const held = localStorage.getItem(KEPT);
  return held === "dark" || held === "auto" ? held : "light";
}

export const theme = ref<Theme>(kept());

export function choose(next: Theme): void {
  theme.value = next;
  localStorage.setItem(KEPT, next);
  shine();
}

/** Put the chosen theme on the page, now and whenever the system changes. */
export function shine(): void {
  const dark = theme.value === "dark" || (theme.value === "auto" && night.matches);
  document.documentElement.classList.toggle("dark", dark);
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", dark ? "#05080c" : "#0b1f33");
}

night.addEventListener("change", shine);
