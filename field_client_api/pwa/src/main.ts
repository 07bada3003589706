/** Where the phone begins: styles, language, what is kept, the one application, the worker. */
import "vant/es/popup/style";
import "vant/es/stepper/style";
import "vant/es/circle/style";
import "./styles/phone.css";
import { createApp } from "vue";
import App from "./App.vue";
import { i18n, language, speak } from "./i18n";
import { start } from "./shell/nav";
import { warmUp } from "./shell/ring";
import { shine } from "./shell/theme";
import { openPhone } from "./work/phone";

const app = createApp(App);
app.use(i18n);
speak(language.value);
shine();
start();
document.addEventListener("pointerdown", warmUp);
void openPhone().then(() => app.mount("#app"));
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // Without a worker the screens still work; they only do not open without a signal.
  navigator.serviceWorker.register("/worker.js").catch(() => undefined);
}
// What is kept is the crew's word: ask the browser not to clear it when space runs short.
void navigator.storage?.persist?.();
